"""Valuation of movable collateral: pure functions of numpy arrays, usable alone."""
