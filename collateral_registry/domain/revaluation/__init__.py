"""Revaluation runs and their partitions."""
