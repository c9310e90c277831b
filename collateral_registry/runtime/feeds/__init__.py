"""Batching of feed items, and the process that books them."""
