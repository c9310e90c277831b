"""The service of proposals."""
