"""Rules for reports."""
