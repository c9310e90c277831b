"""Commands for intellectual property (IP assets)."""
