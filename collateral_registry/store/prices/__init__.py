"""Storage of price series."""
