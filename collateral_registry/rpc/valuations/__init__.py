"""gRPC services for valuations."""
