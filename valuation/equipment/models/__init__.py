"""Models fitted to comparable sales, their calibration and evaluation."""
