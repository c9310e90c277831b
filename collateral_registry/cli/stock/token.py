"""A token for a partner."""

from __future__ import annotations

import hashlib
import json
import secrets

from collateral_registry.cli.common.client import tell

TOKEN_BYTES = 32


def make_token() -> None:
    """Prints a new token, and its digest as an entry of the server's settings."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    digest = hashlib.sha256(token.encode()).hexdigest()
    tell(f"token, for the partner only: {token}")
    tell(f"sha256, for the settings:    {digest}")
    entry = {"FEED": {"token_sha256": digest, "warehouses": ["WAREHOUSE"]}}
    tell(f"entry of partners_file:      {json.dumps(entry)}")
