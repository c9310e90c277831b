"""Simulated ledgers of receivables, honest and with frauds, and how soon the signals find the frauds."""
