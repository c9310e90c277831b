"""Commands for borrowing bases, reserves and certificates."""
