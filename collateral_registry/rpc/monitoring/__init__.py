"""What the service states about its calls: metrics and log lines."""
