"""The service of the audit log."""
