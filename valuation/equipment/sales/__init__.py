"""Reading comparable sales: column mapping, files and observations."""
