"""What happens between a simulated borrower and its debtors, and the ledger that the lender receives of it.

A world has a table for each kind of event, as a dictionary of columns that grows by rows. Frauds add rows and change
columns; ``ledger_of`` renders the records with their days of entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Bool, Float, Int, Texts
from valuation.receivables.ledgers.columns import (
    Answer,
    Closings,
    Deliveries,
    DueMoves,
    Invoices,
    Ledger,
    Letters,
    Postings,
    Receipts,
    by_entry,
)
from valuation.receivables.ledgers.numbers import parsed

START = 19_358
"""The first simulated day, Monday 2023-01-02."""

DAYS = 731
END = START + DAYS

OWN_ACCOUNT = 0
"""Payer of cash that the borrower forwards from its own account. Debtors' accounts have the keys from 1."""

NEVER = END + 10_000
"""Day of an event that never happens."""

SILENT_DAYS = 30
"""Days after which the lender gives up waiting for an answer to a letter."""

Events = dict[str, NDArray[np.int64]]


class Claim(IntEnum):
    """What stands behind an invoice, which decides how its debtor answers letters."""

    OWED = 0
    INVENTED = 1
    COLLUSIVE = 2
    """The debtor confirms whatever the borrower wants."""
    UNDELIVERED = 3
    """Owed from the delivery on."""
    PAID_ELSEWHERE = 4
    """The debtor believes that it has paid, from the day of the fraud on."""
    REDUCED = 5
    """The debtor knows of a credit note that the ledger lacks, from the day of the fraud on."""


class NumberStyle(IntEnum):
    """How a borrower numbers its invoices."""

    PLAIN = 0
    PREFIX = 1
    YEARLY = 2


@dataclass
class World:
    """Events of one borrower.

    ``invoices``: debtor, amount, issue, due, entry (day), copy_of (row whose number is altered, else -1), claim,
    fraud_day (NO_DAY for an honest invoice). ``payments``: invoice, day (on the account, NEVER if not there), amount,
    payer, named (1 if the cash names its invoice), lump (1 if paid in one sum with others of that debtor and day).
    ``postings``: invoice, entry, amount of payments in the ledger. ``credits``: invoice, document, entry, amount.
    ``due_moves``: invoice, entry, due. ``deliveries``: invoice, day, entry. ``write_offs``: invoice, entry, amount.
    ``unbooked``: entry, amount by which the borrower's accounts differ from the ledger from that day on.
    ``closing_error`` is the relative error of the accounts at the end of each month.
    """

    borrower: int
    invoices: Events
    payments: Events
    postings: Events
    credits: Events
    due_moves: Events
    deliveries: Events
    write_offs: Events
    skip_share: float
    number_style: int
    closing_error: Float
    unbooked: Events


def table(**columns: Int | int) -> Events:
    """Returns a table of the columns; single values are repeated."""
    length = max((len(column) for column in columns.values() if isinstance(column, np.ndarray)), default=1)
    wide = {name: np.broadcast_to(np.asarray(column, dtype=np.int64), (length,)) for name, column in columns.items()}
    return {name: column.copy() for name, column in wide.items()}


def extend(events: Events, **columns: Int | int) -> Int:
    """Appends rows to a table and returns their numbers."""
    added = table(**columns)
    if added.keys() != events.keys():
        raise ValueError(f"columns: got {sorted(added)}, want {sorted(events)}")
    before = len(next(iter(events.values())))
    for name, column in added.items():
        events[name] = np.concatenate([events[name], column])
    return np.arange(before, before + len(next(iter(added.values()))))


def keep(events: Events, rows: Bool) -> None:
    """Removes the other rows of a table."""
    for name, column in events.items():
        events[name] = column[rows]


def business(day: Int) -> Int:
    """Returns the days, moved to Monday where they are on a weekend."""
    weekday = (day + 3) % 7
    return np.asarray(day + np.where(weekday >= 5, 7 - weekday, 0))


@dataclass(frozen=True)
class Rendered:
    """The ledger of a world, the world's row of each invoice [n], and the day of its fraud or NO_DAY [n]."""

    ledger: Ledger
    row: Int
    fraud_day: Int


def ledger_of(world: World) -> Rendered:
    """Returns what the lender receives, in the order of receipt. Letters are added by ``answers``."""
    order = np.argsort(world.invoices["entry"], kind="stable")
    order = order[world.invoices["entry"][order] < END]
    place = np.full(len(world.invoices["entry"]), -1)
    place[order] = np.arange(len(order))
    one = {name: column[order] for name, column in world.invoices.items()}
    numbers = _numbers(world, one["copy_of"], one["entry"], place)
    moves, carried = (_entered(world, events) for events in (world.due_moves, world.deliveries))
    nothing = np.empty(0, dtype=np.int64)
    ledger = Ledger(
        invoices=Invoices(
            one["entry"], one["debtor"], numbers, *parsed(numbers), one["amount"], one["issue"], one["due"]
        ),
        payments=_postings(world, world.postings, place),
        credit_notes=_postings(world, world.credits, place),
        write_offs=_postings(world, world.write_offs, place),
        due_moves=by_entry(DueMoves(moves["entry"], place[moves["invoice"]], moves["due"])),
        deliveries=by_entry(Deliveries(carried["entry"], place[carried["invoice"]], carried["day"])),
        receipts=_receipts(world, place),
        letters=Letters(nothing, nothing, nothing, nothing),
        closings=Closings(nothing, nothing, nothing),
    )
    return Rendered(replace(ledger, closings=_closings(world, ledger)), order, one["fraud_day"])


def answers(world: World, rendered: Rendered, invoice: Int, sent_day: int, rng: np.random.Generator) -> Letters:
    """Returns the answers to letters about invoices, which honest debtors often leave without one.

    Shares of answers are assumptions: 62 % of owed invoices are confirmed, 3 % differ by what is in transit, 0.3 % are
    denied by mistake. Of invented ones 65 % are denied, and a colluding debtor confirms 60 %.
    """
    row = rendered.row[invoice]
    claim, since = world.invoices["claim"][row], world.invoices["fraud_day"][row]
    delivered = np.full(len(world.invoices["claim"]), NEVER)
    delivered[world.deliveries["invoice"]] = world.deliveries["day"]
    inactive = np.isin(claim, (Claim.PAID_ELSEWHERE, Claim.REDUCED)) & (sent_day < since)
    claim = np.where(inactive | ((claim == Claim.UNDELIVERED) & (delivered[row] <= sent_day)), Claim.OWED, claim)
    shares = np.array(
        [
            [0.347, 0.620, 0.030, 0.003],
            [0.350, 0.000, 0.000, 0.650],
            [0.400, 0.600, 0.000, 0.000],
            [0.350, 0.150, 0.100, 0.400],
            [0.350, 0.050, 0.500, 0.100],
            [0.350, 0.150, 0.500, 0.000],
        ]
    )
    answer = (rng.random(len(row))[:, None] > np.cumsum(shares[claim], axis=1)).sum(axis=1)
    day = np.where(answer == Answer.NONE, sent_day + SILENT_DAYS, sent_day + rng.integers(3, 21, len(row)))
    return by_entry(Letters(business(day), np.full(len(row), sent_day), invoice, answer.astype(np.int64)))


def _receipts(world: World, place: Int) -> Receipts:
    """Returns the cash on the account; what a debtor pays in one sum is one record without an invoice."""
    paid = {name: column[world.payments["day"] < END] for name, column in world.payments.items()}
    debtor = world.invoices["debtor"][paid["invoice"]]
    single = paid["lump"] == 0
    known = world.invoices["entry"][paid["invoice"]] <= paid["day"]
    named = np.where(known & (paid["named"] == 1), place[paid["invoice"]], -1)
    keys = np.stack([paid["day"], debtor, paid["payer"]], axis=1)[~single]
    lumps, of = np.unique(keys, axis=0, return_inverse=True) if len(keys) else (keys, np.empty(0, dtype=np.int64))
    sums = np.zeros(len(lumps), dtype=np.int64)
    np.add.at(sums, of.reshape(-1), paid["amount"][~single])
    return by_entry(
        Receipts(
            np.concatenate([paid["day"][single], lumps[:, 0]]),
            np.concatenate([debtor[single], lumps[:, 1]]),
            np.concatenate([named[single], np.full(len(lumps), -1)]),
            np.concatenate([paid["amount"][single], sums]),
            np.concatenate([paid["payer"][single], lumps[:, 2]]),
        )
    )


def _entered(world: World, events: Events) -> Events:
    """Returns the events whose records the lender receives within the simulated days, never before their invoice."""
    entry = np.maximum(events["entry"], world.invoices["entry"][events["invoice"]])
    return {name: column[entry < END] for name, column in {**events, "entry": entry}.items()}


def _postings(world: World, events: Events, place: Int) -> Postings:
    own = _entered(world, events)
    return by_entry(Postings(own["entry"], own.get("document", own["entry"]), place[own["invoice"]], own["amount"]))


def _closings(world: World, ledger: Ledger) -> Closings:
    """Returns the total in the borrower's accounts at the end of each month, received three days later."""
    first = np.arange(np.datetime64("2023-02"), np.datetime64("2025-01")).astype("datetime64[D]").astype(np.int64)
    day = first - 1
    total = _sum_until(ledger.invoices.entry_day, ledger.invoices.amount_minor, day)
    for reductions in (ledger.payments, ledger.credit_notes, ledger.write_offs):
        total = total - _sum_until(reductions.entry_day, reductions.amount_minor, day)
    stated = np.rint(total * (1.0 + world.closing_error[: len(day)])).astype(np.int64)
    order = np.argsort(world.unbooked["entry"], kind="stable")
    stated += _sum_until(world.unbooked["entry"][order], world.unbooked["amount"][order], day)
    return Closings(day + 3, day, stated)


def _sum_until(entry: Int, amount: Int, day: Int) -> Int:
    """Returns the sum of amounts entered by each day; ``entry`` ascends."""
    sums = np.concatenate([[0], np.cumsum(amount)])
    return np.asarray(sums[np.searchsorted(entry, day, side="right")])


def _numbers(world: World, copy_of: Int, entry: Int, place: Int) -> Texts:
    """Returns the numbers in order of entry: one series with skipped drafts, or a series a year, or altered copies."""
    rng = np.random.default_rng([world.borrower, 77])
    steps = 1 + (rng.random(len(entry)) < world.skip_share)
    own = np.cumsum(np.where(copy_of < 0, steps, 0)) + 4_000
    years = (entry.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970).tolist()
    if world.number_style == NumberStyle.YEARLY:
        for year in sorted(set(years)):
            of_year = np.array(years) == year
            own[of_year] -= own[of_year].min() - 1
    written = {
        NumberStyle.PLAIN: lambda number, _: f"{100_000 + number}",
        NumberStyle.PREFIX: lambda number, _: f"INV-{number:06d}",
        NumberStyle.YEARLY: lambda number, year: f"{year}-{number:05d}",
    }[NumberStyle(world.number_style)]
    numbers = [written(number, year) for number, year in zip(own.tolist(), years, strict=True)]
    for row in np.flatnonzero(copy_of >= 0).tolist():
        numbers[row] = _altered(numbers[place[copy_of[row]]], int(rng.integers(4)))
    return np.array(numbers, dtype=object)


def _altered(number: str, way: int) -> str:
    """Returns a number that a person could take for another: with a suffix, exchanged digits or another digit."""
    if way == 0:
        return number + "A"
    if way == 1:
        return number + "-1"
    if way == 2 and number[-1] != number[-2]:
        return number[:-2] + number[-1] + number[-2]
    return number[:-3] + str((int(number[-3]) + 5) % 10) + number[-2:]
