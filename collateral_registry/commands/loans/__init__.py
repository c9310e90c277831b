"""Use cases for loans, pledges, pick-ups and breaches."""
