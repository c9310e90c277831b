"""Steps shared by every change: load inputs, value, judge, record."""
