"""Runtime of revaluation runs: the driver and its workers."""
