"""The value forecast: where a price is likely to stand at a horizon."""
