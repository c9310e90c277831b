"""Use cases for the policy and the business date."""
