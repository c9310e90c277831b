"""gRPC services for borrowing bases, reserves and certificates."""
