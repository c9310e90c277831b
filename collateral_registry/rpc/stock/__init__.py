"""gRPC services for warehouse stock."""
