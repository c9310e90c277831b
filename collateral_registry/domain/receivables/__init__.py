"""Borrowing bases of loans and the explanation of their differences."""
