"""What every kind of feed has in common: its codec, and the items of a file."""
