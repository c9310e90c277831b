"""Types shared by all subjects: money, units, quantities, names, dates and errors."""
