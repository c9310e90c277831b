"""Overload: reads, refusals and memory while calls of the costly classes come at several times their capacity."""
