"""Requests that two persons decide."""
