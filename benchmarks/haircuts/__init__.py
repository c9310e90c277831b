"""Haircuts against the past and against other programs, and the fit of the pool's numbers."""
