"""Commands for equipment."""
