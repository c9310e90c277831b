"""Commands for warehouse stock."""
