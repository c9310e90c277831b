"""Borrowing bases of loans, their differences, and the roll-forward of pools."""
