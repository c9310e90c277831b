"""Checks etags, which state the revision that a caller has read."""

from __future__ import annotations

from collateral_registry.domain.shared.errors import EtagMismatch


def check_etag(name: str, revision: int, etag: str) -> None:
    """Raises EtagMismatch if an etag is given and differs from the current revision."""
    if etag and etag != str(revision):
        raise EtagMismatch(name, etag, str(revision))
