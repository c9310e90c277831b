"""Commands for debtors."""
