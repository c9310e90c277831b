"""Rules for intellectual property."""
