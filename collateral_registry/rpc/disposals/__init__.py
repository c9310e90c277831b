"""Disposals of collateral."""
