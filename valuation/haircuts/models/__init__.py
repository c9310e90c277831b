"""Haircut models of price series, from raw quotes to a loss quantile per horizon."""
