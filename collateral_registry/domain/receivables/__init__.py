"""Ledgers of invoices, roll-forwards of pools, and the priority of assignees."""
