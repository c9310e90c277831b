"""Registers, changes and merges debtors."""
