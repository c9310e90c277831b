"""Input of comparable sales: column mapping, files and observations."""
