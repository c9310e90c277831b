"""Loans, a loan, and breaches."""
