"""The bare column drivers that floors are measured with."""

from __future__ import annotations

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
from sqlalchemy.engine import make_url


def connect(url: str):  # noqa: ANN201 - an ADBC connection
    """An ADBC connection to the database of an URL."""
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        return adbc_driver_sqlite.dbapi.connect(parsed.database)
    host = parsed.query["host"]
    return adbc_driver_postgresql.dbapi.connect(f"postgresql:///{parsed.database}?host={host}&user=postgres")
