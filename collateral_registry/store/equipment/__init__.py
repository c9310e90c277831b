"""Storage of equipment."""
