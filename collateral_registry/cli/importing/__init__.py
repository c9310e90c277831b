"""Import of CSV files into a running server."""
