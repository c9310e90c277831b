"""The service of saved views."""
