"""Reports on the whole book as of any commit: a row per loan, totals, concentrations; breaches with their stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.breaches import Breach, breach_stories
from collateral_registry.domain.days import day_of
from collateral_registry.domain.facts import Int
from collateral_registry.domain.levels import Basis, loan_to_value
from collateral_registry.domain.report import Concentration, Total, concentrations, totals
from collateral_registry.store.assets import places_as_of
from collateral_registry.store.bulk import Columns
from collateral_registry.store.commits import (
    last_commit_known_by,
    last_commit_of_day,
    market_day_of,
    newest_commit,
)
from collateral_registry.store.covers import claims_as_of, covers_as_of
from collateral_registry.store.database import Connection
from collateral_registry.store.filters import Condition
from collateral_registry.store.loans import loans_as_of
from valuation.errors import InvalidInput

LTV_FILTERS = ("borrower", "currency_code", "level", "coverage")
BREACH_FILTERS = ("state", "level", "borrower")


@dataclass(frozen=True)
class Moment:
    """The commit a report is of, and its business day."""

    seq: int
    market_day: int


@dataclass(frozen=True)
class LtvReport:
    """Rows of loans in order, with totals and concentrations over all of them."""

    moment: Moment
    rows: Sequence[dict[str, Any]]
    totals: Sequence[Total]
    concentrations: Sequence[Concentration]


def moment_of(
    connection: Connection, seq: int | None = None, known_us: int | None = None, day: date | None = None
) -> Moment:
    """The moment asked for: a commit, a time, the end of a business date, or now."""
    newest, _ = newest_commit(connection)
    chosen = newest
    if seq is not None:
        if not 0 <= seq <= newest:
            raise InvalidInput("as_of.sequence", seq, f"0 to {newest}, the newest commit")
        chosen = seq
    elif known_us is not None:
        chosen = last_commit_known_by(connection, known_us)
    elif day is not None:
        chosen = last_commit_of_day(connection, day_of(day))
    return Moment(chosen, market_day_of(connection, chosen))


def ltv_report(connection: Connection, moment: Moment, wanted: Sequence[Condition], order_by: str) -> LtvReport:
    """Every loan running at the moment that the filter lets through."""
    for condition in wanted:
        if condition.field not in LTV_FILTERS:
            raise InvalidInput("filter", repr(condition.field[:40]), "one of " + ", ".join(LTV_FILTERS))
    covers = covers_as_of(connection, moment.seq)
    loans = loans_as_of(connection, moment.seq)
    rows = _rows(covers, loans)
    rows = [row for row in rows if all(row[condition.field] == condition.value for condition in wanted)]
    rows.sort(key=_order(order_by))
    return LtvReport(moment, rows, totals(rows), _concentrations(connection, rows, moment))


def breach_report(connection: Connection, moment: Moment, wanted: Sequence[Condition]) -> list[Breach]:
    """Every breach up to the moment that the filter lets through, newest first."""
    for condition in wanted:
        if condition.field not in BREACH_FILTERS:
            raise InvalidInput("filter", repr(condition.field[:40]), "one of " + ", ".join(BREACH_FILTERS))
    asked = {condition.field: condition.value for condition in wanted}
    return [
        breach
        for breach in breach_stories(connection, moment.seq)
        if asked.get("state", int(breach.is_open)) == int(breach.is_open)
        and asked.get("level", int(breach.level)) == int(breach.level)
        and asked.get("borrower", breach.borrower) == breach.borrower
    ]


def _rows(covers: Columns, loans: Mapping[int, tuple[str, str]]) -> list[dict[str, Any]]:
    """The judgement of each running loan as a row with its names and ratios."""
    names = list(covers)
    lendable: NDArray[np.bool_] = covers["basis"] == int(Basis.LENDABLE)
    pool = _chosen(lendable, covers["lendable_minor"], covers["market_minor"])
    good = _chosen(lendable, covers["good_lendable_minor"], covers["good_market_minor"])
    ltv = loan_to_value(covers["exposure_minor"], pool)
    good_ltv = loan_to_value(covers["exposure_minor"], good)
    lists = [covers[name].tolist() for name in names]
    rows = []
    for values in zip(*lists, ltv.tolist(), good_ltv.tolist(), strict=True):
        row = dict(zip((*names, "ltv", "good_ltv"), values, strict=True))
        if row["loan_key"] in loans:
            row["borrower"], row["currency_code"] = loans[row["loan_key"]]
            row["coverage"] = row["coverage_unknown"]
            rows.append(row)
    return rows


def _chosen(first: NDArray[np.bool_], one: Int, other: Int) -> Int:
    """One where ``first`` holds, the other elsewhere."""
    chosen: Int = np.where(first, one, other)
    return chosen


def _order(order_by: str) -> Any:  # noqa: ANN401 - a key function for sort
    orders = {
        "ltv desc": lambda row: (-row["ltv"], row["loan_id"]),
        "ltv": lambda row: (row["ltv"], row["loan_id"]),
        "loan": lambda row: row["loan_id"],
        "exposure desc": lambda row: (row["currency_code"], -row["exposure_minor"], row["loan_id"]),
        "level desc": lambda row: (-row["level"], -row["ltv"], row["loan_id"]),
    }
    chosen = order_by or "ltv desc"
    if chosen not in orders:
        raise InvalidInput("order_by", repr(chosen[:40]), "one of " + ", ".join(orders))
    return orders[chosen]


def _concentrations(connection: Connection, rows: Sequence[dict[str, Any]], moment: Moment) -> list[Concentration]:
    by_key = {row["loan_key"]: row for row in rows}
    keys = np.array(sorted(by_key), dtype=np.int64)
    claims = claims_as_of(connection, keys, np.array([by_key[key]["seq"] for key in keys.tolist()], dtype=np.int64))
    places = places_as_of(connection, np.unique(claims["asset_key"]), moment.seq)
    facts = zip(
        claims["loan_key"].tolist(), claims["asset_key"].tolist(), claims["lendable_minor"].tolist(), strict=True
    )
    return concentrations(
        (by_key[loan]["currency_code"], by_key[loan]["borrower"], *places[asset], lendable)
        for loan, asset, lendable in facts
    )
