"""Eligibility and concentration of receivables, in columns of whole minor units."""
