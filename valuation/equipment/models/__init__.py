"""Models fitted to comparable sales, and their evaluation."""
