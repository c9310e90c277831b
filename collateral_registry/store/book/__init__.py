"""Storage of the policy and the business date."""
