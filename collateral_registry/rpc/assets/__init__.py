"""gRPC services for assets."""
