"""Proposes requests, and carries them out when another person approves them."""
