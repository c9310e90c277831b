"""Use cases for revaluation runs."""
