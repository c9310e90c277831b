"""The service of assignments."""
