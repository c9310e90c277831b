"""Records stock counts and compares them with the book.

Values and loans change at the next sync of the lot, as after a movement. The warehouse score is recomputed at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.commands.stock.reserves import (
    KIND_OF,
    NO_DECISION,
    LotDecision,
    decide_reserves,
    explain_shortage,
    in_unit_of_lot,
)
from collateral_registry.commands.stock.warehouse_score import rescore
from collateral_registry.domain.feeds.items import CLOCK_TOLERANCE_US
from collateral_registry.domain.feeds.partners import FEED_ACTOR
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.shared.units import NO_SPELLINGS, unit_of
from collateral_registry.domain.stock.counts import Compared, CountLine, Disagreement, StockCount, compare
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.prices.unit_spellings import units_of_owner
from collateral_registry.store.stock.counts import (
    are_reported,
    balances_as_of,
    fed_warehouses,
    insert_count,
    lock_warehouse,
    open_counted_lots,
)
from collateral_registry.store.stock.pending_lots import queue_lots
from collateral_registry.store.stock.warehouse_scores import ensure_warehouse, warehouse_names
from valuation._typing import Int
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Difference:
    """A lot that does not agree with its count. Quantities are in millionths of its unit."""

    lot: str
    unit: str
    counted: int
    book: int
    reserve: int
    finding_key: int


class UndecidedReason(IntEnum):
    """Why a count decides nothing about a lot; the numeric values are sent."""

    UNIT_NOT_CONVERTIBLE = 1
    NOT_REPORTED = 2
    SUPERSEDED = 3


@dataclass(frozen=True)
class Undecided:
    """A lot about which a count decides nothing, and why."""

    lot: str
    reason: UndecidedReason
    description: str


@dataclass(frozen=True)
class CountReconciliation:
    """The number of lots that agree with a count, the lots that do not, and the lots that it does not decide."""

    agreed: int
    differences: Sequence[Difference]
    undecided: Sequence[Undecided]


@dataclass(frozen=True)
class _Comparison:
    """The lots of a count [n] with the count of each: good, quantity, its unit, and how they compare with the book.

    ``comparable`` is false where the units do not convert; ``has_book`` is false where no feed reports the warehouse.
    """

    count: StockCount
    lots: Columns
    good: NDArray[Any]
    counted: Int
    unit: NDArray[Any]
    comparable: NDArray[np.bool_]
    has_book: NDArray[np.bool_]
    compared: Compared

    def disagreement(self, row: int) -> Disagreement:
        """Returns how a row differs from the book."""
        if self.good[row] and self.good[row] != self.lots["good"][row]:
            return Disagreement.OTHER_GOOD
        if not self.comparable[row]:
            return Disagreement.NONE
        if self.compared.short[row]:
            return Disagreement.SHORT
        return Disagreement.LONG if self.compared.long[row] else Disagreement.NONE

    def lines(self) -> Columns:
        """Returns the columns of the lines as they are stored."""
        columns = {"good": self.good, "unit": self.unit, "counted": self.counted, "tolerance": self.compared.tolerance}
        return {**columns, "lot_key": self.lots["lot_key"], "book": self.lots["book"]}


def reconcile(write: Write, count: StockCount) -> CountReconciliation:
    """Records a count and its consequences.

    Raises InvalidInput for a count time in the future, an alternative spelling of a warehouse, or an unknown unit.
    """
    _check(write, count)
    count = _with_named_units(write, count)
    policy = policy_in_force(write.connection, write.market_day).policy
    comparison = _compare(write, count, policy.count_tolerance_ppm)
    keys = comparison.lots["lot_key"]
    line_keys = insert_count(write, count, policy.count_tolerance_ppm, comparison.lines())
    decided = decide_reserves(write, keys, set(line_keys))
    _update_uncompared(write, comparison)
    is_changed = [key in decided and decided[key].reserve != decided[key].before for key in keys.tolist()]
    queue_lots(write, keys[np.array(is_changed, dtype=np.bool_) | ~are_reported(comparison.lots)])
    write.touched.add(assets=rescore(write, count.warehouse, policy))
    return _reconciliation(comparison, line_keys, decided)


def _reconciliation(
    comparison: _Comparison, line_keys: Sequence[int], decided: Mapping[int, LotDecision]
) -> CountReconciliation:
    agreed, differences, undecided = 0, [], []
    for row, key in enumerate(comparison.lots["lot_key"].tolist()):
        disagreement, decision = comparison.disagreement(row), decided.get(key, NO_DECISION)
        if (why := _undecided(comparison, row, line_keys[row], decision)) is not None:
            undecided.append(why)
        elif disagreement:
            differences.append(_difference(comparison, row, decision, disagreement))
        agreed += not disagreement and bool(comparison.comparable[row])
    return CountReconciliation(agreed, differences, undecided)


def _undecided(comparison: _Comparison, row: int, line_key: int, decision: LotDecision) -> Undecided | None:
    """Returns why a row decides nothing about its lot; None if it decides, or agrees with the book."""
    disagreement = comparison.disagreement(row)
    lot, unit = str(comparison.lots["lot"][row]), str(comparison.lots["unit"][row])
    if not comparison.comparable[row] and disagreement != Disagreement.OTHER_GOOD:
        text = f"unit: got {str(comparison.unit[row])!r}, want a unit that converts to {unit!r} of lot {lot}"
        return Undecided(lot, UndecidedReason.UNIT_NOT_CONVERTIBLE, text)
    if not comparison.has_book[row] and disagreement != Disagreement.OTHER_GOOD:
        text = "no feed reports the stock of the warehouse; the newest count is the available quantity"
        return Undecided(lot, UndecidedReason.NOT_REPORTED, text)
    if disagreement and line_key not in decision.deciding:
        return Undecided(lot, UndecidedReason.SUPERSEDED, "a later count of the lot decides")
    return None


def lift_reserve(write: Write, lot_key: int) -> None:
    """Removes the reserve of a lot once its shortage is explained. The whole lot counts again."""
    if explain_shortage(write, lot_key):
        queue_lots(write, np.array([lot_key], dtype=np.int64))


def _update_uncompared(write: Write, comparison: _Comparison) -> None:
    """Opens a finding for each lot whose count cannot be compared, and closes those of lots that were compared."""
    rows = range(len(comparison.comparable))
    findings = {row: _uncompared(comparison, row) for row in rows}
    wanted = [findings[row] for row in rows if not comparison.comparable[row]]
    open_findings(write, wanted)
    others = [findings[row].fingerprint for row in rows if comparison.comparable[row]]
    if closed := [*open_fingerprints(write.connection, others).values()]:
        close_findings(write, closed, "a later count was compared with the book")


def _uncompared(comparison: _Comparison, row: int) -> Finding:
    lots, warehouse = comparison.lots, comparison.count.warehouse
    lot, unit = str(lots["lot"][row]), str(lots["unit"][row])
    counted = plain_quantity(int(comparison.counted[row]), str(comparison.unit[row]))
    return Finding(
        kind=FindingKind.COUNT_NOT_COMPARED,
        severity=Severity.WARNING,
        fingerprint=f"count not compared lot {int(lots['lot_key'][row])}",
        summary=f"lot {lot} in warehouse {warehouse}: {counted} counted, which does not convert to {unit}"[:200],
        evidence={
            "warehouse": warehouse,
            "lot": lot,
            "counted": counted,
            "book_as_of_count": plain_quantity(int(lots["book"][row]), unit),
            "reason": f"unit: got {str(comparison.unit[row])!r}, want a unit that converts to {unit!r}",
            "method": comparison.count.method.name,
            "document": comparison.count.document,
        },
        warehouse=warehouse,
        lot_key=int(lots["lot_key"][row]),
    )


def _check(write: Write, count: StockCount) -> None:
    if count.counted_us > write.known_us + CLOCK_TOLERANCE_US:
        got, now = (_time_text(time_us) for time_us in (count.counted_us, write.known_us))
        raise InvalidInput("count.count_time", f"{got}, a time in the future", f"a time not after now, {now}")
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


def _time_text(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / MILLION, UTC).isoformat(timespec="seconds")


def _compare(write: Write, count: StockCount, tolerance_ppm: int) -> _Comparison:
    lots = _lots(write, count)
    line_of = {line.lot: line for line in count.lines}
    lines = [line_of.get(lot) for lot in lots["lot"]]
    stated = {
        "counted": np.array([line.quantity if line else 0 for line in lines], dtype=np.int64),
        "unit": [line.unit if line else unit for line, unit in zip(lines, lots["unit"], strict=True)],
        "lot_unit": lots["unit"],
    }
    good = np.array([line.good if line else "" for line in lines], dtype=object)
    found = in_unit_of_lot(stated)
    other_good = (good != "") & (good != lots["good"])
    comparable = other_good | (found["unit"] == lots["unit"])
    has_book = are_reported(lots) | bool(fed_warehouses(write.connection, [count.warehouse]))
    compared = compare(np.where(other_good, 0, found["counted"]), lots["book"], tolerance_ppm, has_book)
    return _Comparison(count, lots, good, found["counted"], found["unit"], comparable, has_book, compared)


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


def _difference(comparison: _Comparison, row: int, decision: LotDecision, disagreement: Disagreement) -> Difference:
    return Difference(
        lot=str(comparison.lots["lot"][row]),
        unit=str(comparison.lots["unit"][row]),
        counted=0 if disagreement == Disagreement.OTHER_GOOD else int(comparison.counted[row]),
        book=int(comparison.lots["book"][row]),
        reserve=decision.reserve,
        finding_key=decision.findings.get(KIND_OF[disagreement], 0),
    )
