"""Reconciles stock counts with the book: records agreement, reserves shortages, opens findings for differences.

Values and loans change at the next sync of the lot, as after a movement. The warehouse score is recomputed at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.commands.stock.warehouse_score import rescore
from collateral_registry.domain.findings.kinds import COUNT_KINDS, Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import converted, plain_quantity
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.shared.units import NO_SPELLINGS, alike, unit_of
from collateral_registry.domain.stock.counts import FEED_ACTOR, Compared, CountLine, StockCount, compare
from collateral_registry.domain.stock.movements import CLOCK_TOLERANCE_US
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.prices.unit_spellings import units_of_owner
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
"""Shortage, as a share of the book quantity, above which a finding is critical."""


@dataclass(frozen=True)
class Difference:
    """A lot that does not agree with its count. Quantities are in millionths of its unit."""

    lot: str
    unit: str
    counted: int
    book: int
    reserve: int
    finding_key: int


@dataclass(frozen=True)
class CountReconciliation:
    """The number of lots that agree with a count, and the lots that do not."""

    agreed: int
    differences: Sequence[Difference]


@dataclass(frozen=True)
class _CountComparison:
    """A count with its lots [n]: the counted quantity of each, whether the good agrees, and the comparison.

    ``superseded`` marks lots with a later count that takes precedence, so that this count changes nothing. A later
    count by the lender always takes precedence. A later count by the warehouse takes precedence only over a count by
    the warehouse. ``reserve_only`` marks lots whose reserve this count may raise but not lower. A reserve that the
    lender has set can be lowered only by the lender. An older count lowers no reserve.
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
        """Whether each lot [n] differs from its count."""
        return self.compared.short | self.compared.long | ~self.same_good

    @property
    def differing(self) -> list[int]:
        """Rows of the lots that differ and that this count decides."""
        rows: list[int] = np.flatnonzero(self.disagrees & ~self.superseded).tolist()
        return rows

    @property
    def decided(self) -> Int:
        """Keys of the lots whose reserve this count may lower as well as raise."""
        keys: Int = self.lots["lot_key"][~self.superseded & ~self.reserve_only]
        return keys

    @property
    def reserve(self) -> Int:
        """The new reserve of each lot [n]."""
        raised = np.where(self.reserve_only, np.maximum(self.before, self.compared.reserve), self.compared.reserve)
        return np.where(self.superseded, self.before, raised).astype(np.int64)

    def kind(self, row: int) -> FindingKind:
        """Returns the kind of difference in a row."""
        if not self.same_good[row]:
            return FindingKind.LOT_MISMATCH
        return FindingKind.COUNT_BELOW_BOOK if self.compared.short[row] else FindingKind.COUNT_ABOVE_BOOK

    def key(self, row: int) -> int:
        """Returns the key of the lot in a row."""
        return int(self.lots["lot_key"][row])

    def plain(self, name: str, row: int) -> str:
        """Returns a quantity of a row as a string with its unit."""
        column = {"counted": self.counted, "book": self.lots["book"], "tolerance": self.compared.tolerance}[name]
        return plain_quantity(int(column[row]), str(self.lots["unit"][row]))


def reconcile(write: Write, count: StockCount) -> CountReconciliation:
    """Records a count and its consequences.

    Raises InvalidInput for a count time in the future, an alternative spelling of a warehouse, or incompatible units.
    """
    _check(write, count)
    count = _with_named_units(write, count)
    policy = policy_in_force(write.connection, write.market_day).policy
    lots = _lots(write, count)
    counted, same_good = _counted(lots, count.lines)
    has_book = are_reported(lots) | is_fed(write.connection, count.warehouse)
    compared = compare(counted, lots["book"], policy.count_tolerance_ppm, has_book)
    baseline, own = baseline_at(write.connection, lots["lot_key"], count.counted_us), write.actor.startswith(FEED_ACTOR)
    superseded = baseline.later if own else baseline.later_by_lender
    reserve_only = baseline.reserved_by_lender if own else baseline.later
    comparison = _CountComparison(count, lots, counted, same_good, compared, baseline.reserve, superseded, reserve_only)
    insert_counts(write, _rows(comparison))
    findings = _update_findings(write, comparison)
    _reserve(write, comparison, findings)
    write.touched.add(assets=rescore(write, count.warehouse, policy))
    differences = [_difference(comparison, row, findings) for row in comparison.differing]
    return CountReconciliation(int(np.count_nonzero(~comparison.disagrees)), differences)


def lift_reserve(write: Write, finding_key: int) -> None:
    """Removes the reserve that belongs to a finding, once the shortage is explained. The whole lot counts again."""
    lot_keys = lot_of_reserve(write.connection, finding_key)
    write_reserves(write, lot_keys, np.zeros(len(lot_keys), dtype=np.int64), {})
    queue_lots(write, lot_keys)


def _check(write: Write, count: StockCount) -> None:
    if count.counted_us > write.known_us + CLOCK_TOLERANCE_US:
        raise InvalidInput("count.count_time", "a time in the future", "a time not after now")
    known = warehouse_names(write.connection)
    spellings = [name for name in known if folded(name) == folded(count.warehouse)]
    if spellings and count.warehouse not in known:
        raise InvalidInput("warehouse", repr(count.warehouse), f"the known spelling {spellings[0]!r}")


def _with_named_units(write: Write, count: StockCount) -> StockCount:
    """Returns a count whose units are names; raises InvalidInput for a unit that is unknown or has several meanings.

    A feed's own spellings apply to its own counts.
    """
    own = units_of_owner(write.connection, write.actor) if write.actor.startswith(FEED_ACTOR) else NO_SPELLINGS
    lines = [
        replace(line, unit=unit_of(f"count.lines[{at}].unit", line.unit, line.good, own=own))
        for at, line in enumerate(count.lines)
    ]
    return replace(count, lines=lines)


def _lots(write: Write, count: StockCount) -> Columns:
    """Returns the counted lots with their balances, and the lots that a complete count omits; opens unknown lots."""
    ensure_warehouse(write, count.warehouse)
    names = None if count.complete else [line.lot for line in count.lines]
    lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
    if _unknown(lots, count.lines):
        # A feed may open the same lots at the same time, so the lots are read again under the lock.
        lock_warehouse(write, count.warehouse)
        lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
        open_counted_lots(write, count.warehouse, _unknown(lots, count.lines))
        lots = balances_as_of(write.connection, count.warehouse, names, count.counted_us)
    if not count.complete:
        return lots
    named = {line.lot for line in count.lines}
    relevant = np.array([name in named for name in lots["lot"]], dtype=np.bool_) | (lots["book"] != 0)
    return {name: column[relevant] for name, column in lots.items()}


def _unknown(lots: Columns, lines: Sequence[CountLine]) -> list[CountLine]:
    known = set(lots["lot"].tolist())
    return [line for line in lines if line.lot not in known]


def _counted(lots: Columns, lines: Sequence[CountLine]) -> tuple[Int, NDArray[np.bool_]]:
    """Returns the counted quantity of each lot [n] in the lot's own unit, and whether its good matches the count.

    The quantity is 0 for a lot counted as another good, and for a lot that the count omits; the latter matches.
    """
    line_of = {line.lot: line for line in lines}
    counted = np.zeros(len(lots["lot_key"]), dtype=np.int64)
    same = np.ones(len(counted), dtype=np.bool_)
    for row, (lot, good, unit) in enumerate(zip(lots["lot"], lots["good"], lots["unit"], strict=True)):
        line = line_of.get(lot)
        if line is None:
            continue
        same[row] = line.good == good
        if same[row] and not alike(line.unit, unit):
            want = f"a unit that converts to {unit}, that of lot {lot}"
            raise InvalidInput(f"count.lines[{lines.index(line)}].unit", repr(line.unit), want)
        counted[row] = converted(line.quantity, line.unit, unit, ROUND_FLOOR) if same[row] else 0
    return counted, same


def _rows(comparison: _CountComparison) -> Columns:
    return {
        "lot_key": comparison.lots["lot_key"],
        "method": int(comparison.count.method),
        "counted_us": comparison.count.counted_us,
        "counted": comparison.counted,
        "book": comparison.lots["book"],
        "tolerance": comparison.compared.tolerance,
        "document": comparison.count.document,
    }


def _update_findings(write: Write, comparison: _CountComparison) -> dict[int, int]:
    """Opens a finding for each difference and closes the findings that the count resolves.

    Returns the key of the open finding of each lot.
    """
    asset_of = assets_of_lots(write.connection, comparison.lots["lot_key"][comparison.differing])
    goods = {line.lot: line.good for line in comparison.count.lines}
    found = [_finding(comparison, row, asset_of, goods) for row in comparison.differing]
    open_findings(write, found)
    names = {_fingerprint(kind, key): key for key in comparison.lots["lot_key"].tolist() for kind in COUNT_KINDS}
    open_keys = open_fingerprints(write.connection, list(names))
    wanted, decided = {finding.fingerprint for finding in found}, set(comparison.decided.tolist())
    resolved = [key for name, key in open_keys.items() if name not in wanted and names[name] in decided]
    if resolved:
        close_findings(write, resolved, "superseded by a later count")
    return {names[name]: key for name, key in open_keys.items() if name in wanted}


def _finding(comparison: _CountComparison, row: int, asset_of: Mapping[int, int], goods: Mapping[str, str]) -> Finding:
    kind, key, lot = comparison.kind(row), comparison.key(row), str(comparison.lots["lot"][row])
    counted, book = comparison.plain("counted", row), comparison.plain("book", row)
    warehouse = comparison.count.warehouse
    return Finding(
        kind=kind,
        severity=_severity(kind, int(comparison.lots["book"][row]), int(comparison.counted[row])),
        fingerprint=_fingerprint(kind, key),
        summary=f"lot {lot} in warehouse {warehouse}: {counted} counted, {book} in the book"[:200],
        evidence={
            "warehouse": warehouse,
            "lot": lot,
            "good_in_book": str(comparison.lots["good"][row]),
            "good_counted": goods.get(lot, "none"),
            "counted": counted,
            "book_as_of_count": book,
            "tolerance": comparison.plain("tolerance", row),
            "method": comparison.count.method.name,
            "document": comparison.count.document,
        },
        asset_key=asset_of.get(key, 0),
        warehouse=warehouse,
        lot_key=key,
    )


def _severity(kind: FindingKind, book: int, counted: int) -> Severity:
    if kind == FindingKind.COUNT_ABOVE_BOOK:
        return Severity.NOTICE
    is_severe = (book - counted) * PPM > book * SEVERE_SHARE_PPM
    return Severity.CRITICAL if is_severe or kind == FindingKind.LOT_MISMATCH else Severity.WARNING


def _fingerprint(kind: FindingKind, lot_key: int) -> str:
    return f"{kind.name} lot {lot_key}"


def _reserve(write: Write, comparison: _CountComparison, findings: Mapping[int, int]) -> None:
    """Sets each lot's reserve and queues the lots whose counted quantity has changed."""
    keys, reserves = comparison.lots["lot_key"], comparison.reserve
    # These reserves keep the finding they were set for.
    kept = (comparison.superseded | comparison.reserve_only) & (comparison.before > 0)
    write_reserves(write, keys[~kept], reserves[~kept], findings)
    raise_reserves(write, keys[kept], reserves[kept])
    queue_lots(write, keys[(comparison.before != reserves) | ~are_reported(comparison.lots)])


def _difference(comparison: _CountComparison, row: int, findings: Mapping[int, int]) -> Difference:
    return Difference(
        lot=str(comparison.lots["lot"][row]),
        unit=str(comparison.lots["unit"][row]),
        counted=int(comparison.counted[row]),
        book=int(comparison.lots["book"][row]),
        reserve=int(comparison.reserve[row]),
        finding_key=findings.get(comparison.key(row), 0),
    )
