"""Claims that a ledger has twice, or that were withdrawn and issued again."""
