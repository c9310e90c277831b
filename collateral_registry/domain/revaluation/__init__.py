"""Rules for revaluation runs."""
