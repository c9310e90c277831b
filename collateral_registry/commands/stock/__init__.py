"""Use cases for warehouse stock."""
