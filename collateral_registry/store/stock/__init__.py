"""Storage of warehouse stock."""
