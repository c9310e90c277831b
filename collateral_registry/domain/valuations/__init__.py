"""Rules for valuations."""
