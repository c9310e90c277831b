"""Rules for the policy and the business date."""
