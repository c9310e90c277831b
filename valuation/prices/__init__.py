"""Price series: admission of new quotes, cleaning, and log returns."""
