"""Storage of revaluation runs."""
