"""Storage of proposals."""
