"""The overview, the reports and the status of the book."""
