"""Use cases for valuations."""
