"""Use cases for reports."""
