"""Rules for warehouse stock."""
