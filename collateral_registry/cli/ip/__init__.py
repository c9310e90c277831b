"""Commands for intellectual property."""
