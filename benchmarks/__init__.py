"""Measurements, and the builder of the sample book."""
