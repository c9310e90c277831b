"""Signs checkpoints of the audit log, and proves what it contains."""
