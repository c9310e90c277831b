"""Commands about invoices of receivables."""
