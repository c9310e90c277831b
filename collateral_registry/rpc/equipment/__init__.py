"""gRPC services for equipment."""
