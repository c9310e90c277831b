"""What several views read and show."""
