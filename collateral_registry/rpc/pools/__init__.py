"""The service of pools of receivables."""
