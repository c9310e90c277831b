"""Certificates of borrowing bases as readers see them: on a page, as a PDF and as CSV."""
