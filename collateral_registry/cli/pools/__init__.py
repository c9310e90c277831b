"""Commands for pools of receivables."""
