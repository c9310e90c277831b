"""Commands for assignments of invoices, and for the verification of ledgers."""
