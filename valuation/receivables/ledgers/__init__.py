"""A ledger of receivables over time, as a lender receives it, in columns."""
