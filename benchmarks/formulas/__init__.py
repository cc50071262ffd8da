"""What the benchmarks of symbolic regression share."""
