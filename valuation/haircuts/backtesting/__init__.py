"""Rolling-origin backtests of haircuts and comparison of models."""
