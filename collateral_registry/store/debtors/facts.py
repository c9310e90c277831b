"""Reads what is known of debtors, now or as of a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, BindParameter, Select, bindparam, func, select

from collateral_registry.domain.debtors.identifiers import Identifier, IdentifierScheme, identifier_of
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.debtors.repository import NO_LINE, NONE
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.debtors import (
    IS_NEWEST_OF_DEBTOR,
    DebtorIdentifierRow,
    DebtorRevisionRow,
    DebtorRow,
)
from valuation._typing import Int, Texts

EVER = 2**62
"""A sequence after every commit."""

_UNKNOWN: Mapping[str, Any] = {
    "country": "",
    "parent_stated": 0,
    "kind": 0,
    "state": 0,
    "is_core_firm": 0,
    "pd": float("nan"),
    "pd_day": NO_DAY,
    "line_minor": NO_LINE,
    "line_currency": "",
    "line_expire_day": NO_DAY,
}
"""The columns of a debtor that is not registered."""

Fields = dict[str, Any]
"""The columns of one revision."""


def debtor_facts(source: Source, stated: Sequence[str], seq: int | None = None) -> DebtorFacts:
    """Returns the facts of debtors [d] as ledgers state them, as of commit ``seq`` or, without one, now.

    An id of a duplicate that was merged, and an identifier of it, lead to the debtor into which it was merged.
    """
    keys = _keys_of(source, stated, seq)
    known = _with_survivors_and_parents(source, keys.values(), seq)
    debtors = [_survivor(known, keys[text]) if text in keys else NONE for text in stated]
    rows = [known.get(key, _UNKNOWN) for key in debtors]
    integers = {
        name: np.array([row[name] for row in rows], dtype=np.int64)
        for name in ("kind", "state", "pd_day", "line_minor", "line_expire_day")
    }
    flags = {name: np.array([row[name] for row in rows], dtype=np.bool_) for name in ("parent_stated", "is_core_firm")}
    return DebtorFacts(
        stated=_texts(stated),
        debtor_key=np.array(debtors, dtype=np.int64),
        own_key=np.array([keys.get(text, NONE) for text in stated], dtype=np.int64),
        group_key=np.array([_topmost(known, key) for key in debtors], dtype=np.int64),
        country=_texts([row["country"] for row in rows]),
        pd=np.array([row["pd"] for row in rows], dtype=np.float64),
        line_currency=_texts([row["line_currency"] for row in rows]),
        **integers,
        **flags,
    )


def registered_ids(source: Source, stated: Collection[str], seq: int | None) -> dict[str, str]:
    """Returns the ids of the debtors that texts state as of a commit, after merges; others are left out."""
    facts = debtor_facts(source, sorted(stated), seq)
    keys = dict(zip(facts.stated.tolist(), facts.debtor_key.tolist(), strict=True))
    columns = read_columns(source, _IDS, {"keys": sorted({key for key in keys.values() if key})})
    ids = dict(zip(columns["debtor_key"].tolist(), columns["debtor_id"].tolist(), strict=True))
    return {text: ids[key] for text, key in keys.items() if key}


_IDS = select(*columns_of(DebtorRow, "debtor_key", "debtor_id")).where(is_one_of(DebtorRow.debtor_key, KEYS))


def _keys_of(source: Source, stated: Iterable[str], seq: int | None) -> dict[str, int]:
    """Returns the key of each registered debtor by the text that states it."""
    named = {text: text.removeprefix("debtors/") for text in set(stated)}
    identified = {text: found for text in named if (found := identifier_of(text)) is not None}
    moment = {"seq": EVER if seq is None else seq}
    ids = read_columns(source, _BY_ID, {"texts": sorted(set(named.values())), **moment})
    key_of_id = dict(zip(ids["debtor_id"], ids["debtor_key"].tolist(), strict=True))
    values = sorted({one.value for one in identified.values()})
    held = read_columns(source, _BY_IDENTIFIER, {"texts": values, **moment})
    holders = zip(held["scheme"].tolist(), held["value"], held["debtor_key"].tolist(), strict=True)
    key_of_identifier = {(scheme, value): key for scheme, value, key in holders}
    keys = {text: key_of_id.get(debtor_id) for text, debtor_id in named.items()}
    keys |= {text: key_of_identifier.get((int(one.scheme), one.value)) for text, one in identified.items()}
    return {text: key for text, key in keys.items() if key is not None}


_SEQ: BindParameter[int] = bindparam("seq", type_=BigInteger)
_BY_ID = select(*columns_of(DebtorRow, "debtor_id", "debtor_key")).where(
    is_one_of(DebtorRow.debtor_id, TEXTS), DebtorRow.created_seq <= _SEQ
)
_BY_IDENTIFIER = select(*columns_of(DebtorIdentifierRow, "scheme", "value", "debtor_key")).where(
    is_one_of(DebtorIdentifierRow.value, TEXTS),
    DebtorIdentifierRow.created_seq <= _SEQ,
    (DebtorIdentifierRow.ended_seq == 0) | (DebtorIdentifierRow.ended_seq > _SEQ),
)


def _with_survivors_and_parents(source: Source, keys: Iterable[int], seq: int | None) -> dict[int, Fields]:
    """Returns the fields of debtors by key, and of all that they lead to: survivors of merges, and parents."""
    known: dict[int, Fields] = {}
    wanted = set(keys)
    while wanted:
        columns = read_columns(source, *_revisions(np.array(sorted(wanted), dtype=np.int64), seq))
        names = list(columns)
        rows = [
            dict(zip(names, row, strict=True)) for row in zip(*(columns[name].tolist() for name in names), strict=True)
        ]
        known |= {row["debtor_key"]: row for row in rows}
        wanted = {row[name] for row in rows for name in ("merged_into", "parent_key")} - {NONE} - known.keys()
    return known


_FIELDS = columns_of(DebtorRevisionRow, "debtor_key", "merged_into", "parent_key", *_UNKNOWN)
_CURRENT = select(*_FIELDS).join(DebtorRow, IS_NEWEST_OF_DEBTOR).where(is_one_of(DebtorRow.debtor_key, KEYS))


def _as_of() -> Select[Any]:
    key, revision = KEYS.rows.c.value, DebtorRevisionRow
    last = select(func.max(revision.revision)).where(revision.debtor_key == key, revision.seq <= _SEQ)
    newest = select(key.label("key"), last.correlate(KEYS.rows).scalar_subquery().label("version")).cte("newest")
    is_it = (revision.debtor_key == newest.c.key) & (revision.revision == newest.c.version)
    return select(*_FIELDS).join_from(newest, revision, is_it)


_AS_OF = _as_of()


def _revisions(keys: Int, seq: int | None) -> tuple[Select[Any], dict[str, Any]]:
    return (_CURRENT, {"keys": keys}) if seq is None else (_AS_OF, {"keys": keys, "seq": seq})


def _survivor(known: Mapping[int, Fields], key: int) -> int:
    """Returns the debtor whose facts apply to a debtor: itself, or the one into which it was merged in the end."""
    while merged_into := known[key]["merged_into"]:
        key = merged_into
    return key


def _topmost(known: Mapping[int, Fields], key: int) -> int:
    """Returns the key of the topmost parent of a debtor, or its own."""
    while key and known[key]["parent_key"]:
        key = _survivor(known, known[key]["parent_key"])
    return key


def with_dependants(source: Source, keys: Iterable[int]) -> set[int]:
    """Returns debtors and all whose facts depend on theirs: duplicates, and debtors of their groups, by key."""
    found: set[int] = set()
    wanted = set(keys)
    while wanted:
        found |= wanted
        below = read_columns(source, _BELOW, {"keys": np.array(sorted(wanted), dtype=np.int64)})["debtor_key"]
        wanted = set(below.tolist()) - found
    return found


def led_to(source: Source, keys: Iterable[int]) -> tuple[set[int], set[str]]:
    """Returns the keys of debtors and of all that were ever merged into them, and the normal texts of all of these."""
    found: set[int] = set()
    wanted = set(keys)
    while wanted:
        found |= wanted
        merged = read_columns(source, _EVER_MERGED, {"keys": np.array(sorted(wanted), dtype=np.int64)})["debtor_key"]
        wanted = set(merged.tolist()) - found
    named = {"keys": np.array(sorted(found), dtype=np.int64)}
    ids = read_columns(source, _IDS, named)["debtor_id"].tolist()
    held = read_columns(source, _EVER_HELD, named)
    identifiers = map(Identifier, map(IdentifierScheme, held["scheme"].tolist()), held["value"].tolist())
    return found, {*ids, *map(str, identifiers)}


_EVER_MERGED = select(DebtorRevisionRow.debtor_key).where(is_one_of(DebtorRevisionRow.merged_into, KEYS)).distinct()
_EVER_HELD = select(*columns_of(DebtorIdentifierRow, "scheme", "value")).where(
    is_one_of(DebtorIdentifierRow.debtor_key, KEYS)
)
_BELOW = (
    select(DebtorRevisionRow.debtor_key)
    .join(DebtorRow, IS_NEWEST_OF_DEBTOR)
    .where(is_one_of(DebtorRevisionRow.parent_key, KEYS) | is_one_of(DebtorRevisionRow.merged_into, KEYS))
)


def has_cycle(source: Source, debtor_id: str) -> bool:
    """Returns whether a debtor is a parent of its own, directly or through others and merges."""
    (key,) = _keys_of(source, [debtor_id], None).values()
    known = _with_survivors_and_parents(source, [key], None)
    seen: set[int] = set()
    while key and key not in seen:
        seen.add(key)
        key = known[key]["merged_into"] or known[key]["parent_key"]
    return key != NONE


def _texts(values: Sequence[str]) -> Texts:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
