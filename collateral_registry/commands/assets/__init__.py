"""Use cases for assets."""
