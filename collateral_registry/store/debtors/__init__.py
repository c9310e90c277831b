"""Stores debtors, and reads what is known of them."""
