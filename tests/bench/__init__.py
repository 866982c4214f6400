"""Benchmarks: shown as ratios to a bare Flask page, measured in the same run."""
