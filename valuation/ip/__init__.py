"""Intellectual property: income, life, status."""
