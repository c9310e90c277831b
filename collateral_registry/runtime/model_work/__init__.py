"""Computes models in processes of their own, which stop when the result is not wanted any more."""
