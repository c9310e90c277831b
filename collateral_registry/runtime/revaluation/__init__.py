"""Executes revaluation runs: the driver and its workers."""
