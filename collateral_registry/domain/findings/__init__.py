"""Rules for findings and double pledges."""
