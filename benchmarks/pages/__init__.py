"""Benchmark of the pages on a large book."""
