"""gRPC services for loans, pledges, pick-ups and breaches."""
