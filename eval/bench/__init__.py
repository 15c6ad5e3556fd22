"""Benchmarks: each prints what it compares, on the data it is given."""
