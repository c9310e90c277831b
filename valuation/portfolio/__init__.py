"""Portfolio measures: first-passage probability, wrong-way risk and concentration."""
