"""The parts of the measurement, one file each: `run(bench)` yields the tables."""
