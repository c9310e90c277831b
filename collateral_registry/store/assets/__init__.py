"""Storage of assets."""
