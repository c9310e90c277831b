"""The collateral registry: assets, prices, policy, loans and breaches, and the gRPC service for them."""
