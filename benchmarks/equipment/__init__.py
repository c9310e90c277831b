"""Benchmarks of the equipment models on sales data that is not shipped."""
