"""Admits calls within the limits of their class and caller (docs/limits.md)."""
