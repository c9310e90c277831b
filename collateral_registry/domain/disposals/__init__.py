"""Disposals: what the sale of collateral brought, compared with what was estimated (docs/disposals.md)."""
