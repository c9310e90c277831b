"""Snapshots of the book, and the report rows and totals computed from them."""
