"""Commands for the steps of breaches."""
