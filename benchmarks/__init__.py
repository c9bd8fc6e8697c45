"""Benchmarks against peers: one file each, every peer run in the same process on the same data."""
