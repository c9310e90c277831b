"""Use cases for findings and double pledges."""
