"""The stream protocol of feeds, and the partners that push them."""
