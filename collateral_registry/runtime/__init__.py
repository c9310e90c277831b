"""Runs the service below gRPC: transactions, batching and background tasks."""
