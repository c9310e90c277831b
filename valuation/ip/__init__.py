"""Intellectual property: income value, remaining life and legal status."""
