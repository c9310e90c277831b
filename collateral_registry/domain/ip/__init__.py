"""Valuation of IP assets on request."""
