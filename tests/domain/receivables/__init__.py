"""Tests of collateral_registry/domain/receivables."""
