"""What `scripts/bench-peers` is made of.

Imports run one way: machine, worker, table <- rounds <- parts <- session; workers/ run in processes of their own.
"""
