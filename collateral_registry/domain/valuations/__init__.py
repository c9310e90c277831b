"""Valuation of assets: inputs, base values, haircut parts and book values."""
