"""Tests of valuation/receivables."""
