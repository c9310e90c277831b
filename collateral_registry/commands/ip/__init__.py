"""Use cases for intellectual property."""
