"""Signals of fraud in a ledger of receivables; ``docs/models/receivable-signals.md`` states what each assumes."""
