"""Opens plain ADBC connections, which benchmarks use for their floors."""

from __future__ import annotations

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
from adbc_driver_manager.dbapi import Connection
from sqlalchemy.engine import make_url


def connect(url: str) -> Connection:
    """Returns an ADBC connection to the database of a SQLAlchemy URL."""
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        return adbc_driver_sqlite.dbapi.connect(parsed.database)
    host = parsed.query["host"]
    return adbc_driver_postgresql.dbapi.connect(f"postgresql:///{parsed.database}?host={host}&user=postgres")
