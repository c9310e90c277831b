"""Debtors: who owes the invoices of a pool, with identifiers, groups and lines."""
