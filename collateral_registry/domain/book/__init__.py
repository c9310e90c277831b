"""The lending policy."""
