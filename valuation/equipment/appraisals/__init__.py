"""Appraisals and inspections of machines, reconciled with the model."""
