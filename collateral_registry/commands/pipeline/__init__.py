"""Steps that every change shares: load inputs, value assets, judge loans, and record the results."""
