"""Price series, exchange rates and haircut curves."""
