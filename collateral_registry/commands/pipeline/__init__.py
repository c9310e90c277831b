"""The path of every change: load inputs, value, judge, record."""
