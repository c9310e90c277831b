"""Storage of the reserves and certificates of borrowing bases."""
