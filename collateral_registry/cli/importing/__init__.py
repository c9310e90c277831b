"""Imports files into a running server."""
