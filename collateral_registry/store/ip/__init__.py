"""Storage of intellectual property."""
