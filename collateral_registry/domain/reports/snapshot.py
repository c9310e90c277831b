"""Immutable snapshots of the whole book for reports: loans, newest judgements, claims and places, in columns.

A snapshot is built from the previous one and the rows that have changed since. The two share unchanged columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Int

Columns = Mapping[str, NDArray[np.int64]]

COVER_NAMES = (
    "loan_key", "seq", "market_day", "exposure_minor", "market_minor", "lendable_minor", "good_market_minor",
    "good_lendable_minor", "basis", "watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm", "buffer_ppm",
    "judged", "level", "coverage_unknown", "cash_cure_minor", "collateral_cure_minor", "watch_day", "unknown_day",
    "breach_number", "breach_open", "deadline_day", "deadline_missed", "noticed", "waived", "unknown_assets", "unknown",
    "quality", "oldest_day", "withheld_market_minor", "withheld_lendable_minor",
    "used_minor", "base_minor", "good_base_minor", "withheld_base_minor",
)  # fmt: skip


PLACE_TEXTS = ("good", "place", "asset_class", "country")
"""Columns of assets that hold texts."""


@dataclass(frozen=True)
class Words:
    """String interners. Snapshot columns hold strings as the numbers that are assigned here."""

    loan_id: StringInterner = field(default_factory=StringInterner)
    borrower: StringInterner = field(default_factory=StringInterner)
    currency: StringInterner = field(default_factory=StringInterner)
    good: StringInterner = field(default_factory=StringInterner)
    place: StringInterner = field(default_factory=StringInterner)
    asset_class: StringInterner = field(default_factory=StringInterner)
    country: StringInterner = field(default_factory=StringInterner)


class PairOrders:
    """Orders of the claims by loan and by a text of their asset; each is sorted when it is first needed.

    Snapshots with the same claims and assets share it.
    """

    def __init__(self, claim_cover: Int, claim_place: Int, places: Columns) -> None:
        self._claim_cover = claim_cover
        self._claim_place = claim_place
        self._places = places
        self._sorted: dict[str, Int] = {}

    def distinct(self, column: str, included: NDArray[np.bool_]) -> tuple[Int, Int]:
        """Returns the distinct pairs of loan row and text number among the included claims [c], as two columns."""
        text = self._places[column][self._claim_place]
        if column not in self._sorted:
            self._sorted[column] = np.lexsort((text, self._claim_cover))
        order = self._sorted[column]
        order = order[included[order]]
        loan, text = self._claim_cover[order], text[order]
        is_first = np.append(True, (loan[1:] != loan[:-1]) | (text[1:] != text[:-1]))[: len(order)]
        return loan[is_first], text[is_first]


@dataclass(frozen=True)
class Changes:
    """Rows that changed between two commits: the newest version of each, in any order, with strings as numbers."""

    terms: Columns
    covers: Columns
    claims: Columns
    places: Columns


@dataclass(frozen=True)
class Snapshot:
    """Tables sorted by key, and columns of row numbers that join them.

    ``covers`` [l] holds judged loans, ``terms`` [t] loans, ``claims`` [c] pledges and ``places`` [a] assets. For each
    judged loan, ``cover_terms`` [l] is the row of the loan in ``terms``, and ``id_rank`` [l] is the rank of its id. For
    each pledge, ``claim_cover`` [c] is the row of its loan in ``covers``, and ``claim_place`` [c] is the row of its
    asset in ``places``. ``pairs`` orders the pledges. A claim counts only if it belongs to the newest judgement of its
    loan.
    """

    seq: int
    words: Words
    terms: Columns
    covers: Columns
    claims: Columns
    places: Columns
    cover_terms: Int
    id_rank: Int
    claim_cover: Int
    claim_place: Int
    pairs: PairOrders


def empty_snapshot(words: Words) -> Snapshot:
    """Returns the snapshot of an empty book."""
    none = np.zeros(0, dtype=np.int64)
    return Snapshot(
        seq=0,
        words=words,
        terms=dict.fromkeys(("loan_key", "seq", "loan_id", "borrower", "currency", "state"), none),
        covers=dict.fromkeys(COVER_NAMES, none),
        claims=dict.fromkeys(("pledge_key", "seq", "loan_key", "asset_key", "lendable_minor"), none),
        places=dict.fromkeys(("asset_key", "seq", *PLACE_TEXTS), none),
        cover_terms=none,
        id_rank=none,
        claim_cover=none,
        claim_place=none,
        pairs=PairOrders(none, none, dict.fromkeys(PLACE_TEXTS, none)),
    )


def brought_forward(before: Snapshot, seq: int, changes: Changes) -> Snapshot:
    """Returns the snapshot after a later commit.

    Keys are never removed, so a key column whose length has not changed is unchanged. Joins are recomputed only for
    tables with new keys.
    """
    terms = merged(before.terms, changes.terms, "loan_key")
    covers = merged(before.covers, changes.covers, "loan_key")
    claims = merged(before.claims, changes.claims, "pledge_key", fixed=("loan_key", "asset_key"))
    places = merged(before.places, changes.places, "asset_key")
    loans_came = len(terms["loan_key"]) > len(before.terms["loan_key"]) or len(covers["loan_key"]) > len(before.id_rank)
    pledges_came = len(claims["pledge_key"]) > len(before.claim_cover)
    assets_came = len(places["asset_key"]) > len(before.places["asset_key"])
    cover_terms = rows_of(terms["loan_key"], covers["loan_key"]) if loans_came else before.cover_terms
    id_rank = _ranks(before.words.loan_id, terms["loan_id"][cover_terms]) if loans_came else before.id_rank
    claim_cover, claim_place = before.claim_cover, before.claim_place
    if loans_came or pledges_came:
        claim_cover = rows_of(covers["loan_key"], claims["loan_key"])
    if assets_came or pledges_came:
        claim_place = rows_of(places["asset_key"], claims["asset_key"])
    is_same = claim_cover is before.claim_cover and claim_place is before.claim_place and places is before.places
    pairs = before.pairs if is_same else PairOrders(claim_cover, claim_place, places)
    return Snapshot(
        seq, before.words, terms, covers, claims, places, cover_terms, id_rank, claim_cover, claim_place, pairs
    )


def merged(before: Columns, changed: Columns, key: str, fixed: tuple[str, ...] = ()) -> Columns:
    """Merges two tables by key; the later commit wins. ``fixed`` columns never change for a key."""
    if not len(changed[key]):
        return before
    order = np.argsort(changed[key], kind="stable")
    changed = {name: changed[name][order] for name in before}
    place = np.searchsorted(before[key], changed[key])
    known = np.zeros(len(place), dtype=np.bool_)
    inside = place < len(before[key])
    known[inside] = before[key][place[inside]] == changed[key][inside]
    newer = np.flatnonzero(known)
    newer = newer[changed["seq"][newer] >= before["seq"][place[newer]]]
    after = {}
    for name, column in before.items():
        after[name] = column
        if name == key or name in fixed or np.array_equal(column[place[newer]], changed[name][newer]):
            continue
        after[name] = column.copy()
        after[name][place[newer]] = changed[name][newer]
    if known.all():
        return after
    return {name: np.insert(column, place[~known], changed[name][~known]) for name, column in after.items()}


def newest_claims(snapshot: Snapshot, rows: Int) -> Int:
    """Returns the rows of the claims that belong to the newest judgements of the loans in the rows."""
    return np.flatnonzero(are_newest_claims(snapshot, rows))


def are_newest_claims(snapshot: Snapshot, rows: Int) -> NDArray[np.bool_]:
    """Returns whether each claim [c] belongs to the newest judgement of a loan in the rows."""
    shown = np.zeros(len(snapshot.cover_terms), dtype=np.bool_)
    shown[rows] = True
    newest = np.where(shown, snapshot.covers["seq"], 0)
    found: NDArray[np.bool_] = snapshot.claims["seq"] == newest[snapshot.claim_cover]
    return found


def rows_of(keys: Int, wanted: Int) -> Int:
    """Returns the row of each wanted key [n] in a sorted column that contains all of them."""
    rows: Int = np.searchsorted(keys, wanted).astype(np.int64)
    return rows


def _ranks(ids: StringInterner, numbers: Int) -> Int:
    """Returns the rank of each row when the rows are sorted by the string of their id."""
    order = sorted(range(len(numbers)), key=[ids.texts[number] for number in numbers.tolist()].__getitem__)
    ranks = np.empty(len(numbers), dtype=np.int64)
    ranks[order] = np.arange(len(numbers), dtype=np.int64)
    return ranks
