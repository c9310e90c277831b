"""Decides the reserve and the findings of each lot by its counts, again whenever a count or a late movement arrives.

The reserve of a lot depends on its counts and movements only, not on the order in which they were reported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR

import numpy as np

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.findings.kinds import COUNT_KINDS, Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import converted, plain_quantity
from collateral_registry.domain.shared.units import alike
from collateral_registry.domain.stock.counts import (
    Compared,
    ComparedCount,
    CountMethod,
    Disagreement,
    compare,
    deciding_counts,
)
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.stock.counts import (
    are_reported,
    explain_lines,
    fed_warehouses,
    insert_omissions,
    lines_since,
    newest_lines,
    omissions_since,
    own_lines_since,
    update_lines,
)
from collateral_registry.store.stock.reserves import assets_of_lots, reserves_of, write_reserves
from valuation._typing import Int
from valuation.money import PPM

SEVERE_SHARE_PPM = 50_000
"""Shortage, as a share of the book quantity, above which a finding is critical."""

KIND_OF = {
    Disagreement.SHORT: FindingKind.COUNT_BELOW_BOOK,
    Disagreement.LONG: FindingKind.COUNT_ABOVE_BOOK,
    Disagreement.OTHER_GOOD: FindingKind.LOT_MISMATCH,
}


@dataclass(frozen=True)
class LotDecision:
    """The reserve of a lot before and after, the count lines that decide it, and the keys of its open findings."""

    before: int
    reserve: int
    deciding: Collection[int]
    findings: Mapping[FindingKind, int]


NO_DECISION = LotDecision(0, 0, (), {})
"""The decision about a lot without a comparable count."""


@dataclass(frozen=True)
class _Lines:
    """Lines of counts [n] with their lots, compared with the book."""

    columns: Columns
    disagreement: Sequence[Disagreement]
    compared: Compared

    def of_lots(self) -> dict[int, list[int]]:
        """Returns the rows of each lot."""
        rows: dict[int, list[int]] = {}
        for row, key in enumerate(self.columns["lot_key"].tolist()):
            rows.setdefault(key, []).append(row)
        return rows

    def count(self, row: int) -> ComparedCount:
        """Returns the count in a row."""
        columns = self.columns
        return ComparedCount(
            key=int(columns["count_key"][row]),
            by_lender=bool(columns["by_lender"][row]),
            counted_us=int(columns["counted_us"][row]),
            disagreement=self.disagreement[row],
            reserve=int(self.compared.reserve[row]),
        )

    def plain(self, name: str, row: int) -> str:
        """Returns a quantity of a row as a string with its unit."""
        column = self.compared.tolerance if name == "tolerance" else self.columns[name]
        return plain_quantity(int(column[row]), str(self.columns["unit"][row]))


def decide_reserves(write: Write, lot_keys: Int, new_lines: Collection[int] = ()) -> dict[int, LotDecision]:
    """Sets the reserve of each counted lot by its counts, and opens and closes findings; returns decisions by lot.

    ``new_lines`` are the count lines whose figures are new. A difference without a reserve is reported only for them,
    because it may have been resolved by hand before.
    """
    lines = _newest_lines(write.connection, lot_keys)
    decided = {lot: deciding_counts([lines.count(row) for row in rows]) for lot, rows in lines.of_lots().items()}
    findings = _update_findings(write, lines, decided, new_lines)
    before = reserves_of(write.connection, lot_keys)
    reserve_of = {lot: max(one.reserve for one in counts) for lot, counts in decided.items()}
    changed = {lot: reserve for lot, reserve in reserve_of.items() if reserve != before.get(lot, 0)}
    write_reserves(write, changed, {lot: _explaining(kinds) for lot, kinds in findings.items()})
    return {
        lot: LotDecision(before.get(lot, 0), reserve_of[lot], {one.key for one in counts}, findings.get(lot, {}))
        for lot, counts in decided.items()
    }


def compare_again(write: Write, lots: Mapping[int, int]) -> set[str]:
    """Compares counts with movements about earlier times that were reported after them, and decides the reserves.

    ``lots`` holds, by key, the earliest time that the new movements of a lot are about. Returns the warehouses that
    have a count with another booked quantity than before.
    """
    records = list(lots.items())
    omitted = omissions_since(write.connection, records)
    omitted["tolerance"] = _tolerance(omitted)
    insert_omissions(write, omitted)
    lines = lines_since(write.connection, records)
    is_changed = (lines["book"] != lines["book_before"]) | (lines["unit"] != lines["lot_unit"])
    changed = {name: column[is_changed] for name, column in lines.items()}
    changed["tolerance"] = _tolerance(changed)
    update_lines(write, {**changed, **in_unit_of_lot(changed)})
    decide_reserves(write, np.array(sorted(lots), dtype=np.int64), set(changed["count_key"].tolist()))
    return {*changed["warehouse"].tolist(), *omitted["warehouse"].tolist()}


def explain_shortage(write: Write, lot_key: int) -> bool:
    """Records that the shortage of a lot was resolved by hand; the whole lot counts again. Returns whether it changed.

    A movement about an earlier time that is reported afterwards is compared with the counted quantity plus the
    explained shortage.
    """
    keys = np.array([lot_key], dtype=np.int64)
    lines = _newest_lines(write.connection, keys)
    explained = [
        (int(lines.columns["count_key"][row]), int(lines.columns["explained"][row]) + int(lines.compared.reserve[row]))
        for row in np.flatnonzero(lines.compared.reserve).tolist()
    ]
    explain_lines(write, explained)
    decide_reserves(write, keys)
    return bool(explained)


def _tolerance(lines: Columns) -> Int:
    has_book = np.ones(len(lines["book"]), dtype=np.bool_)
    return compare(lines["book"], lines["book"], lines["tolerance_ppm"], has_book).tolerance


def in_unit_of_lot(lines: Columns) -> Columns:
    """Returns the columns ``counted`` and ``unit`` [n], in the unit of the lot where the counted unit converts to it.

    The first receipt may define another unit than that in which the lot was counted before.
    """
    rows = zip(lines["counted"].tolist(), lines["unit"], lines["lot_unit"], strict=True)
    found = [
        (converted(counted, own, unit, ROUND_FLOOR), unit) if not counted or alike(own, unit) else (counted, own)
        for counted, own, unit in rows
    ]
    counted, units = zip(*found, strict=True) if found else ((), ())
    return {"counted": np.array(counted, dtype=np.int64), "unit": np.array(units, dtype=object)}


def _newest_lines(connection: Connection, lot_keys: Int) -> _Lines:
    """Returns the count lines that may decide the reserves of lots."""
    lines = _compared(connection, newest_lines(connection, lot_keys))
    short = np.flatnonzero((lines.columns["by_lender"] == 1) & (lines.compared.reserve > 0)).tolist()
    if not short:
        return lines
    since = [(int(lines.columns["lot_key"][row]), int(lines.columns["counted_us"][row])) for row in short]
    more = own_lines_since(connection, since)
    is_new = ~np.isin(more["count_key"], lines.columns["count_key"])
    both = {name: np.concatenate([lines.columns[name], more[name][is_new]]) for name in more}
    return _compared(connection, both)


def _compared(connection: Connection, lines: Columns) -> _Lines:
    unreported = lines["warehouse"][~are_reported(lines)].tolist()
    fed = fed_warehouses(connection, unreported)
    has_book = are_reported(lines) | np.array([name in fed for name in lines["warehouse"]], dtype=np.bool_)
    found = lines["counted"] + lines["explained"]
    compared = compare(found, lines["book"], lines["tolerance_ppm"], has_book)
    other_good = (lines["good"] != "") & (lines["good"] != lines["good_in_book"]) & (lines["explained"] == 0)
    disagreement = np.select(
        [other_good, compared.short, compared.long],
        [Disagreement.OTHER_GOOD, Disagreement.SHORT, Disagreement.LONG],
        Disagreement.NONE,
    )
    return _Lines(lines, [Disagreement(one) for one in disagreement.tolist()], compared)


def _explaining(findings: Mapping[FindingKind, int]) -> int:
    """Returns the finding that explains a reserve."""
    return findings.get(FindingKind.LOT_MISMATCH) or findings.get(FindingKind.COUNT_BELOW_BOOK) or 0


def _update_findings(
    write: Write, lines: _Lines, decided: Mapping[int, Sequence[ComparedCount]], new_lines: Collection[int]
) -> dict[int, dict[FindingKind, int]]:
    """Opens a finding for each difference that decides, and closes the findings of counts that no longer decide.

    Returns the open findings of each lot.
    """
    row_of = {int(key): row for row, key in enumerate(lines.columns["count_key"])}
    differing = [
        (lot, KIND_OF[one.disagreement], one)
        for lot, counts in decided.items()
        for one in sorted(counts, key=lambda one: -one.reserve)
        if one.disagreement
    ]
    is_wanted = {_fingerprint(kind, lot) for lot, kind, _ in differing}
    is_due = [(lot, kind, row_of[one.key]) for lot, kind, one in differing if one.reserve or one.key in new_lines]
    asset_of = assets_of_lots(write.connection, np.array(sorted({lot for lot, *_ in is_due}), dtype=np.int64))
    open_findings(write, [_finding(lines, row, kind, asset_of.get(lot, 0)) for lot, kind, row in is_due])
    names = {_fingerprint(kind, lot): (lot, kind) for lot in decided for kind in COUNT_KINDS}
    open_keys = open_fingerprints(write.connection, list(names))
    if resolved := [key for name, key in open_keys.items() if name not in is_wanted]:
        close_findings(write, resolved, "superseded by a later count or a late movement")
    found: dict[int, dict[FindingKind, int]] = {}
    for name in is_wanted & open_keys.keys():
        lot, kind = names[name]
        found.setdefault(lot, {})[kind] = open_keys[name]
    return found


def _finding(lines: _Lines, row: int, kind: FindingKind, asset_key: int) -> Finding:
    of = {name: column[row] for name, column in lines.columns.items()}
    counted, book = lines.plain("counted", row), lines.plain("book", row)
    return Finding(
        kind=kind,
        severity=_severity(kind, int(of["book"]), int(of["counted"])),
        fingerprint=_fingerprint(kind, int(of["lot_key"])),
        summary=f"lot {of['lot']} in warehouse {of['warehouse']}: {counted} counted, {book} in the book"[:200],
        evidence={
            "warehouse": str(of["warehouse"]),
            "lot": str(of["lot"]),
            "good_in_book": str(of["good_in_book"]),
            "good_counted": str(of["good"] or "none"),
            "counted": counted,
            "book_as_of_count": book,
            "tolerance": lines.plain("tolerance", row),
            "method": CountMethod(of["method"]).name,
            "document": str(of["document"]),
        },
        asset_key=asset_key,
        warehouse=str(of["warehouse"]),
        lot_key=int(of["lot_key"]),
    )


def _severity(kind: FindingKind, book: int, counted: int) -> Severity:
    if kind == FindingKind.COUNT_ABOVE_BOOK:
        return Severity.NOTICE
    is_severe = (book - counted) * PPM > book * SEVERE_SHARE_PPM
    return Severity.CRITICAL if is_severe or kind == FindingKind.LOT_MISMATCH else Severity.WARNING


def _fingerprint(kind: FindingKind, lot_key: int) -> str:
    return f"{kind.name} lot {lot_key}"
