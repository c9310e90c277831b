"""gRPC services for the policy and the business date."""
