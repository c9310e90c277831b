"""Value forecast: the distribution of a price at each horizon."""
