"""Hold a count against the book: record what agrees, reserve what lacks, tell what does not agree.

The reserve reaches values and loans by the take-up, like a movement; the warehouse is judged anew by its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.commands.stock.warehouse_score import rescore
from collateral_registry.domain.findings.kinds import COUNT_KINDS, Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import converted, plain_quantity
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.stock.counts import FEED_ACTOR, Compared, CountLine, StockCount, compare
from collateral_registry.domain.stock.movements import CLOCK_TOLERANCE_US
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.stock.counts import (
    are_reported,
    assets_of_lots,
    balances_as_of,
    baseline_at,
    insert_counts,
    is_fed,
    lock_warehouse,
    lot_of_reserve,
    open_counted_lots,
    raise_reserves,
    write_reserves,
)
from collateral_registry.store.stock.pending_lots import queue_lots
from collateral_registry.store.stock.warehouse_scores import ensure_warehouse, warehouse_names
from valuation._typing import Int
from valuation.errors import InvalidInput
from valuation.money import PPM

SEVERE_SHARE_PPM = 50_000
"""A lot that lacks more than a twentieth of the book is critical."""


@dataclass(frozen=True)
class Difference:
    """A lot that does not agree with its count, in millionths of its unit."""

    lot: str
    unit: str
    counted: int
    book: int
    reserve: int
    finding_key: int


@dataclass(frozen=True)
class CountReconciliation:
    """What a count came to: how many lots agree, and those that do not."""

    agreed: int
    differences: Sequence[Difference]


@dataclass(frozen=True)
class _CountComparison:
    """A count beside the lots [n] it is about: what was counted of each, whether of its good, and how they compare.

    ``outranked`` are lots that a later count has spoken of, which this one no longer changes: any later one of the
    lender's, and for a warehouse's own count any. ``bound`` are those where this one may take more out of the cover but
    give nothing back: what the lender reserved only the lender gives back, and an older count does not.
    """

    count: StockCount
    lots: Columns
    counted: Int
    same_good: NDArray[np.bool_]
    compared: Compared
    before: Int
    superseded: NDArray[np.bool_]
    reserve_only: NDArray[np.bool_]

    @property
    def disagrees(self) -> NDArray[np.bool_]:
        """The lots [n] that are not as counted."""
        return self.compared.short | self.compared.long | ~self.same_good

    @property
    def differing(self) -> list[int]:
        """The rows that do not agree and are this count's to tell."""
        rows: list[int] = np.flatnonzero(self.disagrees & ~self.superseded).tolist()
        return rows

    @property
    def answered(self) -> Int:
        """The keys of the lots of which this count has the last word."""
        keys: Int = self.lots["lot_key"][~self.superseded & ~self.reserve_only]
        return keys

    @property
    def reserve(self) -> Int:
        """What is reserved of each lot [n] from now on."""
        raised = np.where(self.reserve_only, np.maximum(self.before, self.compared.reserve), self.compared.reserve)
        return np.where(self.superseded, self.before, raised).astype(np.int64)

    def kind(self, row: int) -> FindingKind:
        """What does not agree."""
        if not self.same_good[row]:
            return FindingKind.LOT_MISMATCH
        return FindingKind.COUNT_BELOW_BOOK if self.compared.short[row] else FindingKind.COUNT_ABOVE_BOOK

    def key(self, row: int) -> int:
        """The lot's key."""
        return int(self.lots["lot_key"][row])

    def plain(self, name: str, row: int) -> str:
        """A quantity as people read it."""
        column = {"counted": self.counted, "book": self.lots["book"], "tolerance": self.compared.tolerance}[name]
        return plain_quantity(int(column[row]), str(self.lots["unit"][row]))


def reconcile(write: Write, count: StockCount) -> CountReconciliation:
    """Takes in a count; raises InvalidInput for a time to come, another spelling of a warehouse, or unlike units."""
    _check(write, count)
    policy = policy_in_force(write.connection, write.market_day).policy
    lots = _lots(write, count)
    counted, same_good = _counted(lots, count.lines)
    has_book = are_reported(lots) | is_fed(write.connection, count.warehouse)
    compared = compare(counted, lots["book"], policy.count_tolerance_ppm, has_book)
    stands, own = baseline_at(write.connection, lots["lot_key"], count.counted_us), write.actor.startswith(FEED_ACTOR)
    superseded = stands.later if own else stands.later_by_lender
    reserve_only = stands.reserved_by_lender if own else stands.later
    held = _CountComparison(count, lots, counted, same_good, compared, stands.reserve, superseded, reserve_only)
    insert_counts(write, _rows(held))
    findings = _tell(write, held)
    _reserve(write, held, findings)
    write.touched.add(assets=rescore(write, count.warehouse, policy))
    differences = [_difference(held, row, findings) for row in held.differing]
    return CountReconciliation(int(np.count_nonzero(~held.disagrees)), differences)


def lift_reserve(write: Write, finding_key: int) -> None:
    """Lets the whole of a lot count again, once somebody has found out why its count lacked something."""
    keys = lot_of_reserve(write.connection, finding_key)
    write_reserves(write, keys, np.zeros(len(keys), dtype=np.int64), {})
    queue_lots(write, keys)


def _check(write: Write, count: StockCount) -> None:
    if count.counted_us > write.known_us + CLOCK_TOLERANCE_US:
        raise InvalidInput("count.count_time", "a time to come", "a time not after now")
    known = warehouse_names(write.connection)
    twins = [name for name in known if folded(name) == folded(count.warehouse)]
    if twins and count.warehouse not in known:
        raise InvalidInput("warehouse", repr(count.warehouse), f"{twins[0]!r}, as it is known by")


def _lots(write: Write, count: StockCount) -> Columns:
    """The lots counted with their balances; of a complete count also those it leaves out. New ones are opened."""
    ensure_warehouse(write, count.warehouse)
    names = None if count.complete else [line.lot for line in count.lines]
    lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
    if _unknown(lots, count.lines):
        lock_warehouse(write, count.warehouse)
        lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
        open_counted_lots(write, count.warehouse, _unknown(lots, count.lines))
        lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
    if not count.complete:
        return lots
    named = {line.lot for line in count.lines}
    meant = np.array([name in named for name in lots["lot"]], dtype=np.bool_) | (lots["book"] != 0)
    return {name: column[meant] for name, column in lots.items()}


def _unknown(lots: Columns, lines: Sequence[CountLine]) -> list[CountLine]:
    known = set(lots["lot"].tolist())
    return [line for line in lines if line.lot not in known]


def _counted(lots: Columns, lines: Sequence[CountLine]) -> tuple[Int, NDArray[np.bool_]]:
    """What was counted of each lot [n] in its own unit, and whether of its good; nothing, and another good, are 0."""
    line_of = {line.lot: line for line in lines}
    counted = np.zeros(len(lots["lot_key"]), dtype=np.int64)
    same = np.ones(len(counted), dtype=np.bool_)
    for row, (lot, good, unit) in enumerate(zip(lots["lot"], lots["good"], lots["unit"], strict=True)):
        line = line_of.get(lot)
        if line is None:
            continue
        same[row] = line.good == good
        counted[row] = converted(line.quantity, line.unit, unit, ROUND_FLOOR) if same[row] else 0
    return counted, same


def _rows(held: _CountComparison) -> Columns:
    return {
        "lot_key": held.lots["lot_key"],
        "method": int(held.count.method),
        "counted_us": held.count.counted_us,
        "counted": held.counted,
        "book": held.lots["book"],
        "tolerance": held.compared.tolerance,
        "document": held.count.document,
    }


def _tell(write: Write, held: _CountComparison) -> dict[int, int]:
    """Opens a finding for each lot that does not agree, closes what these counts answer; the open one of each lot."""
    asset_of = assets_of_lots(write.connection, held.lots["lot_key"][held.differing])
    goods = {line.lot: line.good for line in held.count.lines}
    found = [_finding(held, row, asset_of, goods) for row in held.differing]
    open_findings(write, found)
    names = {_fingerprint(kind, key): key for key in held.lots["lot_key"].tolist() for kind in COUNT_KINDS}
    standing = open_fingerprints(write.connection, list(names))
    wanted, settled = {finding.fingerprint for finding in found}, set(held.answered.tolist())
    answered = [key for name, key in standing.items() if name not in wanted and names[name] in settled]
    if answered:
        close_findings(write, answered, "a later count says otherwise")
    return {names[name]: key for name, key in standing.items() if name in wanted}


def _finding(held: _CountComparison, row: int, asset_of: Mapping[int, int], goods: Mapping[str, str]) -> Finding:
    kind, key, lot = held.kind(row), held.key(row), str(held.lots["lot"][row])
    counted, book, warehouse = held.plain("counted", row), held.plain("book", row), held.count.warehouse
    return Finding(
        kind=kind,
        severity=_severity(kind, int(held.lots["book"][row]), int(held.counted[row])),
        fingerprint=_fingerprint(kind, key),
        summary=f"lot {lot} in warehouse {warehouse}: {counted} counted, {book} in the book"[:200],
        evidence={
            "warehouse": warehouse,
            "lot": lot,
            "good_in_book": str(held.lots["good"][row]),
            "good_counted": goods.get(lot, "none"),
            "counted": counted,
            "book_as_of_count": book,
            "tolerance": held.plain("tolerance", row),
            "method": held.count.method.name,
            "document": held.count.document,
        },
        asset_key=asset_of.get(key, 0),
        warehouse=warehouse,
        lot_key=key,
    )


def _severity(kind: FindingKind, book: int, counted: int) -> Severity:
    if kind == FindingKind.COUNT_ABOVE_BOOK:
        return Severity.NOTICE
    lacks_much = (book - counted) * PPM > book * SEVERE_SHARE_PPM
    return Severity.CRITICAL if lacks_much or kind == FindingKind.LOT_MISMATCH else Severity.WARNING


def _fingerprint(kind: FindingKind, lot_key: int) -> str:
    return f"{kind.name} lot {lot_key}"


def _reserve(write: Write, held: _CountComparison, findings: Mapping[int, int]) -> None:
    """Sets the reserve of each lot, and has taken up what counts otherwise now."""
    keys, reserves = held.lots["lot_key"], held.reserve
    stands = (held.superseded | held.reserve_only) & (held.before > 0)
    write_reserves(write, keys[~stands], reserves[~stands], findings)
    raise_reserves(write, keys[stands], reserves[stands])
    queue_lots(write, keys[(held.before != reserves) | ~are_reported(held.lots)])


def _difference(held: _CountComparison, row: int, findings: Mapping[int, int]) -> Difference:
    return Difference(
        lot=str(held.lots["lot"][row]),
        unit=str(held.lots["unit"][row]),
        counted=int(held.counted[row]),
        book=int(held.lots["book"][row]),
        reserve=int(held.reserve[row]),
        finding_key=findings.get(held.key(row), 0),
    )
