"""Records assignments, statements on them, and exclusions."""
