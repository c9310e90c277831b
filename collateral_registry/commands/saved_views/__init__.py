"""Saves and deletes views."""
