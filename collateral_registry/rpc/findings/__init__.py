"""gRPC services for findings and double pledges."""
