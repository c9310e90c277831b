"""Stock movements, counts, feeds and the reliability of warehouses."""
