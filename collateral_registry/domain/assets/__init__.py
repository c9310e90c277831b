"""Assets by kind: their types, dates and valuation inputs."""
