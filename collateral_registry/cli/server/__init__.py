"""Commands that start a server, load the sample and revalue the book."""
