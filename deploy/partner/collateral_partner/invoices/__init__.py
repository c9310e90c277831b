"""Entries of invoice ledgers: their encoding, and the files that they are read from."""
