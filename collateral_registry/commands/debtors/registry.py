"""Registers debtors, changes them, merges duplicates and undoes merges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from collateral_registry.commands.pipeline.etags import check_etag
from collateral_registry.domain.debtors.debtor import Debtor, loosened, merge_conflicts
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.debtors.facts import has_cycle, with_dependants
from collateral_registry.store.debtors.repository import (
    Cause,
    StoredDebtor,
    get_debtor,
    insert_debtor,
    update_debtor,
)
from collateral_registry.store.engine.database import Write
from collateral_registry.store.valuations.pool_debtors import pools_naming
from valuation.errors import InvalidInput, check_all


def create_debtor(write: Write, debtor: Debtor) -> StoredDebtor:
    """Registers a debtor; raises InvalidInput for a probability of default of a later day."""
    _check_day(write, debtor)
    stored = insert_debtor(write, debtor)
    _touch_pools(write, stored)
    return stored


def change_debtor(
    write: Write, debtor_id: str, etag: str, changed: Callable[[Debtor], Debtor], cause: Cause
) -> StoredDebtor:
    """Changes a debtor that was not merged.

    Raises InvalidInput without a cause for a change that may let more invoices count, and Refused for a parent that
    belongs to the debtor itself.
    """
    stored = _unmerged(write, debtor_id)
    check_etag(f"debtors/{debtor_id}", stored.revision, etag)
    debtor = changed(stored.debtor)
    _check_day(write, debtor)
    if fields := loosened(stored.debtor, debtor):
        _check_cause(cause, ", ".join(fields))
    updated = update_debtor(write, stored, debtor, cause)
    _check_group(write, debtor_id)
    _touch_pools(write, stored, updated)
    return updated


def merge_debtors(write: Write, duplicate_id: str, survivor_id: str, cause: Cause) -> StoredDebtor:
    """Merges a duplicate into another debtor, whose facts then apply to the invoices of both.

    Raises Refused if the two are different firms, or if the duplicate has facts that let fewer invoices count.
    """
    if duplicate_id == survivor_id:
        raise InvalidInput("into", f"debtors/{survivor_id}", "another debtor than the duplicate")
    duplicate, survivor = _unmerged(write, duplicate_id), _unmerged(write, survivor_id)
    if conflicts := merge_conflicts(duplicate.debtor, survivor.debtor):
        raise Refused(
            "DEBTORS_DIFFER",
            f"debtors/{duplicate_id} and debtors/{survivor_id} differ in {', '.join(conflicts)}: "
            "correct the wrong one by UpdateDebtor first, or keep both",
        )
    merged = update_debtor(write, duplicate, replace(duplicate.debtor, merged_into=survivor_id), cause)
    _check_group(write, survivor_id)
    _touch_pools(write, duplicate, survivor)
    return merged


def undo_merge(write: Write, debtor_id: str, cause: Cause) -> StoredDebtor:
    """Makes a merged duplicate a debtor of its own again; raises Refused if it was not merged."""
    stored = get_debtor(write.connection, debtor_id)
    if not stored.debtor.merged_into:
        raise Refused("DEBTOR_NOT_MERGED", f"debtors/{debtor_id} was not merged: there is nothing to undo")
    restored = update_debtor(write, stored, replace(stored.debtor, merged_into=""), cause)
    _check_group(write, debtor_id)
    _touch_pools(write, stored, get_debtor(write.connection, stored.debtor.merged_into))
    return restored


def _touch_pools(write: Write, *debtors: StoredDebtor) -> None:
    """Has the pools valued again whose ledgers name one of the debtors, or one whose facts depend on theirs."""
    dependants = with_dependants(write.connection, [one.key for one in debtors])
    keys = np.array(sorted(dependants), dtype=np.int64)
    texts = [text for one in debtors for text in (one.debtor.debtor_id, *map(str, one.debtor.identifiers))]
    write.touched.add(assets=pools_naming(write.connection, keys, texts).tolist())


def _unmerged(write: Write, debtor_id: str) -> StoredDebtor:
    stored = get_debtor(write.connection, debtor_id)
    if survivor := stored.debtor.merged_into:
        raise Refused(
            "DEBTOR_MERGED",
            f"debtors/{debtor_id} was merged into debtors/{survivor}: change that one, or undo the merge first",
        )
    return stored


def _check_day(write: Write, debtor: Debtor) -> None:
    stated, today = debtor.default_probability, date_at(write.market_day)
    if stated is not None and stated.day > today:
        raise InvalidInput("default_probability.date", stated.day, f"not after the business date {today}")


def _check_cause(cause: Cause, fields: str) -> None:
    """Raises InvalidInput if it is not stated who makes a change, or why."""

    def check(name: str, value: str) -> None:
        if not value:
            raise InvalidInput(name, "nothing", f"some text: the change of {fields} may let more invoices count")

    check_all(lambda: check("actor", cause.actor), lambda: check("note", cause.note))


def _check_group(write: Write, debtor_id: str) -> None:
    """Raises Refused if a change has made a debtor a parent of its own, directly or through others."""
    if has_cycle(write.connection, debtor_id):
        raise Refused(
            "PARENT_CYCLE", f"debtors/{debtor_id} would be a parent of its own: correct the parents of its group first"
        )
