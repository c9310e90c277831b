"""Supervisory haircuts and risk weights, used as reference floors."""
