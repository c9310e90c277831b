"""The collateral registry: assets, prices, policy, loans, breaches, and the service over them."""
