"""Commands that start a server, load the sample book and revalue the book."""
