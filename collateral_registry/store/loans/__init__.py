"""Storage of loans, pledges, pick-ups and breaches."""
