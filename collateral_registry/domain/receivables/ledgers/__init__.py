"""Entries of invoice ledgers: their checks, their booking, and the state that they add up to."""
