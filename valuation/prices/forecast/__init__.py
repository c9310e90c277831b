"""Where a price is likely to stand, apart from how far it may fall: the value forecast."""
