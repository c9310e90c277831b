"""Use cases, grouped by subject; each change runs in one write transaction."""
