"""Use cases for price series."""
