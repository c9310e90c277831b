"""Haircut parts and their composition."""
