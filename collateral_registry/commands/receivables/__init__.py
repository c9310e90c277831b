"""Booking of entries on the ledgers of invoice pools."""
