"""``make chaos``: fault injection. Acknowledged movements must be neither lost nor booked twice."""
