"""Commands about who may call the service."""
