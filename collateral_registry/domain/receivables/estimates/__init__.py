"""Estimates of a pool from its own ledger: dilution, and days until payment."""
