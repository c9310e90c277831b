"""gRPC services for reports."""
