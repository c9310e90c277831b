"""Rules for equipment."""
