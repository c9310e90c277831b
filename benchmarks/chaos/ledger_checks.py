"""Compares the ledgers of a database with the model after all kills, and its pools with a revaluation of a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.checks import COVERS, PARTITION_ASSETS, differences, rows, wait_for_sync
from benchmarks.chaos.ledger_scenario import model_of, pool
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.ledger import ledger_at, ledgers_of, pool_keys_of
from tests.support.server import Server

BOOKED = "SELECT entry_id FROM invoice_entry WHERE leg = 0"
REJECTED = "SELECT DISTINCT entry_id FROM invoice_rejection"
PENDING = "SELECT count(*) FROM pool_change"
STATEMENTS = (
    "SELECT asset_key, entry_number, face_minor, open_minor, excluded_minor, unknown_minor, eligible_minor, "
    "recoverable_minor, lendable_minor, last_good_minor, sums FROM pool_statement "
    "JOIN (SELECT asset_key AS newest_key, max(seq) AS newest FROM pool_statement GROUP BY asset_key) AS n "
    "ON asset_key = newest_key AND seq = newest ORDER BY asset_key"
)


@dataclass(frozen=True)
class CheckedLedgers:
    """Counts of errors, all of which must be 0."""

    lost: int
    doubled: int
    wrongly_booked: int
    ledger_mismatches: int
    replay_mismatches: int
    pool_mismatches: int
    cover_mismatches: int


def check_ledgers(
    server: Server, copy: Callable[[str], str], counts: Mapping[str, int], seed: int, say: Callable[[str], None]
) -> CheckedLedgers:
    """Waits until the entries are applied, stops the server and compares the database with the model."""
    wait_for_sync(server, PENDING)
    server.stop()
    say("comparing with the model")
    model = model_of(dict(counts), seed)
    database = Database(server.url, wall_clock)
    with database.read() as connection:
        booked = [row[0] for row in rows(connection, BOOKED)]
        rejected = {row[0] for row in rows(connection, REJECTED)}
        keys = pool_keys_of(connection, [pool(source) for source in counts])
        present = ledgers_of(connection, sorted(keys.values()))
        replayed = {key: ledger_at(connection, key, one.entry_number) for key, one in present.items()}
        valued = rows(connection, STATEMENTS), rows(connection, COVERS)
    database.close()
    ledgers = {pool_id: present[key] for pool_id, key in keys.items()}
    revalued = _revalued(copy(server.url))
    return CheckedLedgers(
        lost=len((model.booked | model.rejected) - set(booked) - rejected),
        doubled=len(booked) - len(set(booked)),
        wrongly_booked=len(set(booked) ^ model.booked) + len(rejected ^ model.rejected),
        ledger_mismatches=differences(_open_amounts(ledgers), model.open_amounts())
        + differences(_unapplied(ledgers), model.unapplied()),
        replay_mismatches=sum(_plain(present[key]) != _plain(one) for key, one in replayed.items()),
        pool_mismatches=sum(one != other for one, other in zip(valued[0], revalued[0], strict=True)),
        cover_mismatches=sum(one != other for one, other in zip(valued[1], revalued[1], strict=True)),
    )


def _open_amounts(ledgers: Mapping[str, PoolLedger]) -> dict[tuple[str, str], int]:
    return {
        (pool_id, number): amount
        for pool_id, one in ledgers.items()
        for number, amount in zip(one.invoice_number.tolist(), one.open_minor.tolist(), strict=True)
    }


def _unapplied(ledgers: Mapping[str, PoolLedger]) -> dict[tuple[str, str], int]:
    return {
        (pool_id, f"debtors/{debtor}"): amount
        for pool_id, one in ledgers.items()
        for debtor, amount in zip(one.balance_debtor.tolist(), one.unapplied_minor.tolist(), strict=True)
        if amount
    }


def _plain(ledger: PoolLedger) -> dict[str, Any]:
    return {name: one.tolist() if hasattr(one, "tolist") else one for name, one in vars(ledger).items()}


def _revalued(url: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Returns the newest statements and covers after a revaluation of the whole book."""
    database = Database(url, wall_clock)
    run_book(database, Author("chaos", "chaos"), PARTITION_ASSETS)
    with database.read() as connection:
        found = rows(connection, STATEMENTS), rows(connection, COVERS)
    database.close()
    return found
