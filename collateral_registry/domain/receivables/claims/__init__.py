"""Claims that a ledger has twice."""
