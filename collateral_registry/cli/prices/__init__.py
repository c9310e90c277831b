"""Commands for price series."""
