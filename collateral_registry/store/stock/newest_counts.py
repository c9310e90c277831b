"""Finds the newest count of a lot that was recorded by a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Select, Text, func, select

from collateral_registry.store.engine.key_sets import RecordSet
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.stock import StockCountRow, StockLotRow, WarehouseCountRow
from collateral_registry.store.stock.counts import COUNTED_OF_GOOD, IS_COMPARABLE


@dataclass(frozen=True)
class LotCount:
    """A count of a lot. The quantity is in millionths of the unit, and 0 if another good was found."""

    counted_us: int
    method: int
    counted: int
    unit: str
    by_lender: int
    actor: str
    document: str
    seq: int


def newest_counts(connection: Connection, lots: Sequence[tuple[int, str, str, int]]) -> dict[int, LotCount]:
    """Returns the newest count of each lot by the lender or by its warehouse, in the unit of the lot.

    ``lots`` are a number of the caller, the warehouse, the lot, and the last commit whose counts are known. The result
    has the counts by that number, without the lots that were not counted.
    """
    if not lots or not connection.execute(_ANY).scalar_one():
        return {}
    rows = connection.execute(_NEWEST, {"lots": lots})
    return {row.place: from_row(LotCount, row) for row in rows}


_ANY = select(select(StockCountRow.count_key).exists())


def _newest() -> Select[tuple[int, ...]]:
    lots, line, lot, count = (
        RecordSet({"place": BigInteger, "warehouse": Text, "lot": Text, "known_seq": BigInteger}, "lots").rows,
        StockCountRow.__table__,
        StockLotRow.__table__,
        WarehouseCountRow.__table__,
    )
    newest = (
        select(line.c.count_key)
        .where(line.c.lot_key == lot.c.lot_key, line.c.seq <= lots.c.known_seq, IS_COMPARABLE)
        .order_by(line.c.counted_us.desc(), line.c.count_key.desc())
        .limit(1)
        .correlate(lot, lots)
        .scalar_subquery()
    )
    found = (
        select(lots.c.place, newest.label("count_key"))
        .join_from(lots, lot, (lot.c.warehouse == lots.c.warehouse) & (lot.c.lot == lots.c.lot))
        .subquery()
    )
    return (
        select(
            found.c.place,
            *(line.c[name] for name in ("counted_us", "unit", "by_lender", "seq")),
            *(count.c[name] for name in ("method", "actor", "document")),
            func.coalesce(COUNTED_OF_GOOD, 0).label("counted"),
        )
        .join_from(found, line, line.c.count_key == found.c.count_key)
        .join(lot, lot.c.lot_key == line.c.lot_key)
        .join(count, count.c.seq == line.c.seq)
    )


_NEWEST = _newest()
