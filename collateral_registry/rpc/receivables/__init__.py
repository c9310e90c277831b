"""Services of receivables: feeds of invoice ledgers."""
