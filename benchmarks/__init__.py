"""Benchmarks, fault-injection tests, and the builder of the sample book."""
