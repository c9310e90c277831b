"""Storage of findings and double pledges."""
