"""Sends hostile requests to every method of the contract."""
