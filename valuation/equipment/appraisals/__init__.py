"""Appraisals and inspections of machines, and their reconciliation with model values."""
