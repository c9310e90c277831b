"""Assignments of invoices to the lender, statements on them, and manual exclusions."""
