"""Attacks by callers and local users, each with the verdict that the service must earn."""
