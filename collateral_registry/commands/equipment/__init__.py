"""Use cases for equipment."""
