"""gRPC services for intellectual property."""
