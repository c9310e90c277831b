"""Rules for loans, pledges, pick-ups and breaches."""
