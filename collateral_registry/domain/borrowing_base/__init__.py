"""Borrowing bases of loans: terms, reserves, availability, and certificates with their differences."""
