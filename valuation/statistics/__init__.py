"""Statistical tests, filters and simulation shared by haircuts and forecasts."""
