"""Rules for price series."""
