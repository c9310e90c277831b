"""Inputs and ladders of pools of receivables, for valuations and for explanations."""
