"""Pure business rules without I/O: types, valuation, cover, judgement, stock booking and findings."""
