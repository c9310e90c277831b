"""Types shared by all subjects: money, units, names, dates, errors."""
