"""Commands for loans, pledges, pick-ups and breaches."""
