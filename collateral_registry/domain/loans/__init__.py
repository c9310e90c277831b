"""Loans, pledges, cover, judgement, cure and pick-ups."""
