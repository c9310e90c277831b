"""Command line: commands that call a running server, start one, or work on files."""
