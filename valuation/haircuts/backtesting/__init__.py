"""Rolling-origin backtests of haircuts and the comparison of models."""
