"""Evidence for the equipment models on sales that are not shipped."""
