"""The collateral registry: a gRPC service for assets, prices, policies, loans and breaches."""
