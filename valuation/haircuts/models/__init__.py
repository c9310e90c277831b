"""Haircut models of price series: loss quantiles for each horizon from raw quotes."""
