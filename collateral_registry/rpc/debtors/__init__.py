"""The service of debtors."""
