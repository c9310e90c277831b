"""Backups of a book: one file with the data of one commit, and a manifest that states what it holds."""
