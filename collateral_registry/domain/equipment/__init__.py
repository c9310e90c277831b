"""Inputs of models of comparables, and the bases of value of machines."""
