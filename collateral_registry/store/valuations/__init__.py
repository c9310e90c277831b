"""Storage of valuations."""
