"""Rules for assets."""
