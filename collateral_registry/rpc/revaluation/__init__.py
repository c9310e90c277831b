"""gRPC services for revaluation runs."""
