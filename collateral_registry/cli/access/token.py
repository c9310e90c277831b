"""Makes tokens for partners."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import date_message

TOKEN_BYTES = 32


def make_token(feed: str, expires: str, output: Path | None) -> None:
    """Makes a token and prints its entry for the access file; the token is printed, or written to a new file.

    Raises ValueError for a malformed date, and OSError if the file exists or cannot be written.
    """
    if expires:
        date_message("--expires", expires)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if output is not None:
        _write_new(output, f"{token}\n")
    print_line(f"token, for the partner only: {token if output is None else output}")
    digest = hashlib.sha256(token.encode()).hexdigest()
    print_line(f"sha256, for the settings:    {digest}")
    expiry = f", expires = {expires}T00:00:00Z" if expires else ""
    print_line(
        f'\nentry of access_file:\n\n[partners.{feed}]\nwarehouses = ["WAREHOUSE"]\n'
        f'tokens = [{{ sha256 = "{digest}"{expiry} }}]'
    )
    if not expires:
        entry = {feed: {"token_sha256": digest, "warehouses": ["WAREHOUSE"]}}
        print_line(f"\nor of partners_file: {json.dumps(entry)}")


def _write_new(path: Path, text: str) -> None:
    """Writes a file that only its owner can read; raises OSError if it exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
