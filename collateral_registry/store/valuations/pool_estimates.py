"""Stores the estimates of pools; each is known by its key and never changed."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import bindparam, func, select

from collateral_registry.domain.receivables.estimates.pool_estimate import KNOTS, PoolEstimate
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of, insert_row
from collateral_registry.store.schema.valuations import PoolEstimateRow
from valuation._typing import Float, Int
from valuation.receivables.dilution import Dilution

EVER = 2**62
"""A sequence after every commit."""


def insert_estimate(write: Write, asset_key: int, estimate: PoolEstimate) -> None:
    """Stores an estimate of a pool."""
    insert_row(
        write.connection,
        PoolEstimateRow,
        asset_key=asset_key,
        seq=write.seq,
        day=estimate.day,
        entry_number=estimate.entry_number,
        document=_document(estimate),
    )


def estimates_of(source: Source, asset_keys: Int | Sequence[int], seq: int | None = None) -> dict[int, PoolEstimate]:
    """Returns the newest estimate of each pool that has one, as of commit ``seq`` or, without one, now."""
    named = {"keys": asset_keys, "seq": EVER if seq is None else seq}
    columns = read_columns(source, _NEWEST, named)
    rows = zip(*(columns[name].tolist() for name in ("asset_key", "day", "entry_number", "document")), strict=True)
    return {key: _estimate(day, entry_number, json.loads(document)) for key, day, entry_number, document in rows}


_KEY, _ASSET = columns_of(PoolEstimateRow, "estimate_key", "asset_key")
_LAST = select(func.max(_KEY)).where(is_one_of(_ASSET, KEYS), PoolEstimateRow.seq <= bindparam("seq")).group_by(_ASSET)
_NEWEST = select(_ASSET, *columns_of(PoolEstimateRow, "day", "entry_number", "document")).where(_KEY.in_(_LAST))


def _document(estimate: PoolEstimate) -> str:
    dilution = estimate.dilution
    values = {
        "model": estimate.model,
        "months": estimate.months,
        "dilution": None if dilution is None else [dilution.expected, dilution.spike],
        "paid": estimate.paid,
        "open": estimate.open,
        "debtors": estimate.debtors.tolist(),
        "debtor_dilution": _packed(estimate.debtor_dilution.astype("<f8")),
        "payment_day": _packed(estimate.payment_day.astype("<i2")),
    }
    return json.dumps(values, ensure_ascii=False)


def _estimate(day: int, entry_number: int, values: Mapping[str, Any]) -> PoolEstimate:
    debtors = np.array(values["debtors"], dtype=object)
    dilution = values["dilution"]
    table = _unpacked(values["payment_day"], "<i2").astype(np.int64)
    return PoolEstimate(
        model=values["model"],
        day=day,
        entry_number=entry_number,
        months=values["months"],
        dilution=None if dilution is None else Dilution(*dilution),
        paid=values["paid"],
        open=values["open"],
        debtors=debtors,
        debtor_dilution=_unpacked(values["debtor_dilution"], "<f8").astype(np.float64),
        payment_day=table.reshape(-1, len(KNOTS)),
    )


def _packed(column: Int | Float) -> str:
    return b64encode(zlib.compress(column.tobytes(), 1)).decode()


def _unpacked(text: str, dtype: str) -> Int | Float:
    return np.frombuffer(zlib.decompress(b64decode(text)), dtype=dtype)
