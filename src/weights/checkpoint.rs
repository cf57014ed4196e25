//! Reading PyTorch checkpoints without executing them.
