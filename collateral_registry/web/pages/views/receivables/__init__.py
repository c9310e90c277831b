"""Pages of receivables: borrowing bases and their certificates, pools, invoices and debtors."""
