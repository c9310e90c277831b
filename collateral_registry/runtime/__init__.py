"""The service at run time, without gRPC: transactions, batching and background tasks."""
