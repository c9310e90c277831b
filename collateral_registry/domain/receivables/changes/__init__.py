"""A pool of invoices computed as a change of some of its debtors."""
