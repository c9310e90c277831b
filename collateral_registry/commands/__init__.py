"""Use cases: one file each, reading as their sentences."""
