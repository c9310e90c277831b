"""The command line: its commands call a running server, start one, or process files."""
