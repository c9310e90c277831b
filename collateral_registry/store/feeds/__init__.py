"""Feeds with their durable batches and rejected items; each kind of feed has tables of its own."""
