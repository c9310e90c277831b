"""Findings, the over-pledging check, and the references that reveal double pledges."""
