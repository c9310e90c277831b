"""Price series: admission, cleaning, haircut estimates and their backtests."""
