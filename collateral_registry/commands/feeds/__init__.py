"""Booking of numbered batches of feeds, and the resolution of rejected items, for every kind of feed."""
