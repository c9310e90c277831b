"""Supervisory haircuts and risk weights, as reference floors."""
