"""Backtests of haircut models against history and other programs, and the fit of the pooled-scale model."""
