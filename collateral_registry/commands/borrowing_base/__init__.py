"""Use cases for borrowing bases, reserves and certificates."""
