"""Storage of saved views."""
