"""The default policy as JSON, with the source of each number."""
