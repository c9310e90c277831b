"""Sends hostile requests to every unary method of the contract."""
