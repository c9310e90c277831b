"""Stores assignments and statements on invoices, and reads what follows from them."""
