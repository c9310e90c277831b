"""Generates tokens for partners."""

from __future__ import annotations

import hashlib
import json
import secrets

from collateral_registry.cli.common.client import print_line

TOKEN_BYTES = 32


def print_new_token() -> None:
    """Prints a new token, its digest, and an entry for the partners file of the server."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    digest = hashlib.sha256(token.encode()).hexdigest()
    print_line(f"token, for the partner only: {token}")
    print_line(f"sha256, for the settings:    {digest}")
    entry = {"FEED": {"token_sha256": digest, "warehouses": ["WAREHOUSE"]}}
    print_line(f"entry of partners_file:      {json.dumps(entry)}")
