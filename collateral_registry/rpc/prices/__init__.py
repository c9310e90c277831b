"""gRPC services for price series."""
