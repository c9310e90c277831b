"""Ledgers of invoices: booking of entries, ledgers as columns, and lists of entries."""
