"""The best assignment of each invoice of a pool on a day, from events, registry searches and statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collateral_registry.domain.assignments.events import (
    AssignmentEvent,
    AssignmentEventKind,
    ContractTerms,
    EarlierAssignment,
    Exclusion,
    InvoiceScope,
    RegistrySearch,
)
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts, AssignmentState
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_facts import first_rows
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.reference_matching import ReferenceNumber
from valuation._typing import Bool, Int, Texts

DAY_US = 86_400_000_000

State, Kind = AssignmentState, AssignmentEventKind


def _among(*states: AssignmentState) -> Bool:
    """Returns whether each state [number of states] is among these."""
    return np.isin(np.arange(len(State)), states)


_ACTIVE = _among(State.REGISTERED, State.NOTIFIED, State.ACKNOWLEDGED, State.ACKNOWLEDGED_WITH_SET_OFF)
_ACKNOWLEDGED = _among(State.ACKNOWLEDGED, State.ACKNOWLEDGED_WITH_SET_OFF)
_UNASSIGNED, _ENDED = _among(State.NONE), _among(State.NONE, State.EXPIRED)
_SETS = {Kind.REFUSED: State.REFUSED, Kind.RELEASED: State.NONE}
"""The state of each assigned invoice after an event of these kinds, whatever it was before, also if it is expired."""

_RANK = np.zeros(len(State), dtype=np.int64)
_RANK[
    [
        State.NONE,
        State.EXPIRED,
        State.REGISTERED,
        State.NOTIFIED,
        State.ACKNOWLEDGED_WITH_SET_OFF,
        State.ACKNOWLEDGED,
        State.REFUSED,
    ]
] = np.arange(len(State))
"""The order of the states of several assignments of one invoice. A refusal precedes all until it is taken back."""


@dataclass(frozen=True)
class PoolRecords:
    """What is recorded of the assignment of a pool's invoices as of a commit, each list in the order of the records.

    ``assignments`` holds the events of each assignment; ``debtor_of`` the key of each debtor that a text states, by the
    text. ``denied`` are invoices whose debtor denied the debt when it was asked last.
    """

    assignments: Sequence[Sequence[AssignmentEvent]] = ()
    searches: Sequence[RegistrySearch] = ()
    terms: Sequence[ContractTerms] = ()
    exclusions: Sequence[Exclusion] = ()
    denied: Sequence[InvoiceScope] = ()
    debtor_of: Mapping[str, int] = field(default_factory=dict)

    def scopes(self) -> Iterable[InvoiceScope]:
        """Yields every scope of the records."""
        for events in self.assignments:
            for event in events:
                yield from event.scopes
        for search in self.searches:
            for found in search.assignments:
                yield from found.scopes
        for terms in self.terms:
            yield from terms.scopes
        for exclusion in self.exclusions:
            yield from exclusion.scopes
        yield from self.denied

    def of_debtors(self, debtor_of: Mapping[str, int]) -> PoolRecords:
        """Returns the records with the keys of the debtors that their texts state."""
        return replace(self, debtor_of=debtor_of)


class Invoices:
    """Invoices [n] of a pool in a currency, in which scopes are looked up."""

    def __init__(self, ledger: PoolLedger, debtor_of: Mapping[str, int], currency: str) -> None:
        self.count, self.currency = len(ledger.debtor), currency
        self.number, self.face_minor, self.issue_day = ledger.invoice_number, ledger.face_minor, ledger.issue_day
        self.currencies = ledger.currency
        self._debtor_of = debtor_of
        starts = first_rows(ledger.debtor)
        self._blocks: dict[int | str, list[Int]] = {}
        self._by_number: dict[int | str, dict[str, list[int]]] = {}
        for first, last in zip(starts.tolist(), np.append(starts, self.count)[1:].tolist(), strict=True):
            block = np.arange(first, last, dtype=np.int64)
            self._blocks.setdefault(self._debtor(str(ledger.debtor[first])), []).append(block)

    def rows(self, scopes: Sequence[InvoiceScope]) -> Int:
        """Returns the rows of the invoices in the scopes, in ascending order; all rows without a scope."""
        if not scopes:
            return np.arange(self.count, dtype=np.int64)
        whole = {self._debtor(scope.debtor) for scope in scopes if not scope.invoice_numbers}
        listed: set[int] = set()
        for scope in scopes:
            rows_of_number = self._rows_by_number(self._debtor(scope.debtor)) if scope.invoice_numbers else {}
            for number in scope.invoice_numbers:
                listed.update(rows_of_number.get(number, ()))
        found = [self._rows_of(debtor) for debtor in whole]
        return np.unique(np.concatenate([np.fromiter(listed, dtype=np.int64), *found]))

    def _rows_of(self, debtor: int | str) -> Int:
        blocks = self._blocks.get(debtor, [])
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)

    def _rows_by_number(self, debtor: int | str) -> Mapping[str, Sequence[int]]:
        """Returns the rows of each number of a debtor, which may have it in several spellings of the debtor."""
        if debtor not in self._by_number:
            rows, by_number = self._rows_of(debtor), self._by_number.setdefault(debtor, {})
            for number, row in zip(self.number[rows].tolist(), rows.tolist(), strict=True):
                by_number.setdefault(number, []).append(row)
        return self._by_number[debtor]

    def _debtor(self, text: str) -> int | str:
        """Returns the key of a registered debtor, or the text of another one."""
        return self._debtor_of.get(text) or text


def best_assignments(
    ledger: PoolLedger, records: PoolRecords, day: int, currency: str, account: str = ""
) -> AssignmentFacts:
    """Returns the best assignment of each invoice [n] of a pool on a day.

    ``currency`` and ``account``, the collection account, are those of the pool. The newest search of each registry
    counts. An invoice is attested by that of the registry in which its earliest registration in force is; if none is in
    force, by that of an expired one, and an invoice that was never registered by the newest search of all.
    """
    invoices, searches = Invoices(ledger, records.debtor_of, currency), _Searches(records.searches, day)
    state, registered_us = np.zeros(invoices.count, dtype=np.int64), np.zeros(invoices.count, dtype=np.int64)
    attested_by = np.full(invoices.count, searches.of_all, dtype=np.int64)
    for events in records.assignments:
        own = _assigned(events, invoices, day, account, searches)
        state = np.where(_RANK[own.state] > _RANK[state], own.state, state)
        is_earlier = _ACTIVE[own.state] & ((registered_us == 0) | (own.registered_us < registered_us))
        registered_us = np.where(is_earlier, own.registered_us, registered_us)
        is_first = (own.state == State.EXPIRED) & (attested_by == searches.of_all)
        attested_by = np.where(is_earlier | is_first, own.registry, attested_by)
    state[_joined(invoices, records.denied)] = State.REFUSED
    return AssignmentFacts(
        state=state,
        registered_us=registered_us,
        earlier_assignee=_earlier(invoices, searches, registered_us),
        search_day=searches.days[attested_by],
        bars_assignment=_bars(invoices, records.terms),
        excluded_manually=_excluded(invoices, records.exclusions, day),
    )


def state_of(events: Sequence[AssignmentEvent], day: int) -> AssignmentState:
    """Returns the state of a whole assignment on a day, without the events that concern a part of it only.

    An event with scopes concerns a part, unless it is a renewal of all scopes of the first registration.
    """
    whole = [event for at, event in enumerate(events) if at == 0 or not event.scopes or _renews(event, events[0])]
    plain = [_without_scopes(event) for event in whole]
    return State(int(_assigned(plain, _ONE_INVOICE, day, "", _Searches((), day)).state[0]))


def _renews(event: AssignmentEvent, first: AssignmentEvent) -> bool:
    """Returns whether an event registers all scopes of the first registration, in the same spelling."""
    debtors = {scope.debtor for scope in event.scopes if not scope.invoice_numbers}
    listed = {(scope.debtor, number) for scope in event.scopes for number in scope.invoice_numbers}
    left = [scope for scope in first.scopes if scope.debtor not in debtors]
    has_all = all(one.invoice_numbers and all((one.debtor, of) in listed for of in one.invoice_numbers) for one in left)
    return event.kind == Kind.REGISTERED and bool(first.scopes) and has_all


def _without_scopes(event: AssignmentEvent) -> AssignmentEvent:
    stated = {name: getattr(event, name) for name in event.__dataclass_fields__ if name not in {"scopes", "amount"}}
    return AssignmentEvent(**stated)


def _assigned(
    events: Sequence[AssignmentEvent], invoices: Invoices, day: int, account: str, searches: _Searches
) -> _Assigned:
    """Returns the invoices under one assignment on a day."""
    assigned, own = _Assigned(invoices, searches), np.zeros(invoices.count, dtype=np.bool_)
    own[invoices.rows(next((event.scopes for event in events if event.kind == Kind.REGISTERED), ()))] = True
    for event in sorted(events, key=lambda one: one.day):  # a stable order: events of a day stay as recorded
        if day_of(event.day) > day:
            break
        rows = invoices.rows(event.scopes) if event.scopes else np.flatnonzero(own)
        if event.kind == Kind.REGISTERED:
            own[rows] = True
            assigned.register(event, rows)
        else:
            assigned.change(event, rows, account)
        if event.kind != Kind.ACKNOWLEDGED:
            account = event.account or account
    assigned.lapse(np.arange(invoices.count), day)
    return assigned


class _Assigned:
    """The invoices [n] of a pool under one assignment, whose events are applied in the order of their days.

    ``registered_us`` is the time by which a registration ranks, ``last_day`` its last day, NO_DAY for none, and
    ``registry`` the place of its registry among the searches.
    """

    def __init__(self, invoices: Invoices, searches: _Searches) -> None:
        self._invoices, self._searches = invoices, searches
        self.registry = np.full(invoices.count, searches.of_all, dtype=np.int64)
        self.state, self.registered_us = (np.zeros(invoices.count, dtype=np.int64) for _ in range(2))
        self.last_day = np.full(invoices.count, NO_DAY, dtype=np.int64)

    def lapse(self, rows: Int, day: int) -> Bool:
        """Expires registrations whose last day is before a day, unless refused; returns which [rows] have lapsed."""
        lapsed = np.asarray((self.last_day[rows] != NO_DAY) & (self.last_day[rows] < day))
        self.state[rows[lapsed & _ACTIVE[self.state[rows]]]] = State.EXPIRED
        return lapsed

    def register(self, event: AssignmentEvent, rows: Int) -> None:
        """Registers invoices [rows]. A registration in force keeps its rank, and a refusal stays."""
        lapsed = self.lapse(rows, day_of(event.day))
        ended = _ENDED[self.state[rows]]
        self.registered_us[rows[ended | lapsed]] = event.registered_us or day_of(event.day) * DAY_US
        self.state[rows[ended]] = State.REGISTERED
        self.last_day[rows], self.registry[rows] = day_of(event.expire), self._searches.place(event.registry)

    def change(self, event: AssignmentEvent, rows: Int, account: str) -> None:
        """Applies another event to invoices [rows]; ``account`` is the one before it."""
        day = day_of(event.day)
        self.lapse(rows, day)
        ended = _UNASSIGNED if event.kind in _SETS else _ENDED
        rows = rows[~ended[self.state[rows]]]
        if event.kind == Kind.EXPIRED:
            last = self.last_day[rows]
            self.last_day[rows] = np.where(last == NO_DAY, day - 1, np.minimum(last, day - 1))
            self.lapse(rows, day)
        else:
            self.state[rows] = _after(event, self.state[rows], rows, self._invoices, account)


def _after(event: AssignmentEvent, state: Int, rows: Int, invoices: Invoices, account: str) -> Int:
    """Returns the states of assigned invoices [rows] after an event; ``account`` is the one before it."""
    match event.kind:
        case Kind.NOTICE_DELIVERED:
            return np.where(state == State.REGISTERED, State.NOTIFIED, state)
        case Kind.ACKNOWLEDGED:
            notified = np.where(state == State.REGISTERED, State.NOTIFIED, state)
            return np.where(_acknowledged(event, rows, invoices), _acknowledged_state(event, account), notified)
        case Kind.ACCOUNT_CHANGED:
            return np.where(_ACKNOWLEDGED[state] & (event.account != account), State.NOTIFIED, state)
        case _:
            return np.full(len(rows), _SETS[event.kind], dtype=np.int64) if event.kind in _SETS else state


def _acknowledged_state(event: AssignmentEvent, account: str) -> AssignmentState:
    """Returns the state of an acknowledged invoice: a debtor that names another account is notified only."""
    if event.account and account and event.account != account:
        return State.NOTIFIED
    return State.ACKNOWLEDGED_WITH_SET_OFF if event.set_off_reserved else State.ACKNOWLEDGED


def _acknowledged(event: AssignmentEvent, rows: Int, invoices: Invoices) -> Bool:
    """Returns which invoices [rows] an acknowledgement covers: those issued by its day, oldest first, up to its amount.

    Invoices that it lists by number are covered whenever they were issued. An amount in another currency than the
    pool's covers nothing, and an invoice in another one uses nothing of it.
    """
    if event.amount is not None and event.amount.currency != invoices.currency:
        return np.zeros(len(rows), dtype=np.bool_)
    listed = bool(event.scopes) and all(scope.invoice_numbers for scope in event.scopes)
    issued = invoices.issue_day[rows]
    covered: Bool = np.ones(len(rows), dtype=np.bool_) if listed else (issued != NO_DAY) & (issued <= day_of(event.day))
    if event.amount is not None:
        covered = covered & (invoices.currencies[rows] == event.amount.currency).astype(np.bool_)
        order = np.lexsort((np.arange(len(rows)), issued))
        running = np.cumsum(np.where(covered, invoices.face_minor[rows], 0)[order])
        within = np.zeros(len(rows), dtype=np.bool_)
        within[order] = running <= event.amount.minor
        covered = covered & within
    return covered


def _joined(invoices: Invoices, scopes: Sequence[InvoiceScope]) -> Int:
    return invoices.rows(scopes) if scopes else np.zeros(0, dtype=np.int64)


class _Searches:
    """The newest search of each registry by a day, and the ``days`` of these by place.

    The places after those of the registries are of a registry without a search, and ``of_all`` that of the newest
    search of any registry.
    """

    def __init__(self, searches: Sequence[RegistrySearch], day: int) -> None:
        made = sorted((one for one in searches if day_of(one.day) <= day), key=lambda one: one.day)
        self._newest = {ReferenceNumber(one.registry).plain: one for one in made}
        self._places = {name: place for place, name in enumerate(self._newest)}
        days = [day_of(one.day) for one in self._newest.values()]
        self.days = np.array([*days, NO_DAY, max(days, default=NO_DAY)], dtype=np.int64)
        self.of_all = len(days) + 1

    def place(self, registry: str) -> int:
        """Returns the place of a registry, whose name is compared without case, blanks and punctuation."""
        return self._places.get(ReferenceNumber(registry).plain, len(self._places))

    def found(self) -> Iterable[EarlierAssignment]:
        """Yields what the newest search of each registry found."""
        for search in self._newest.values():
            yield from search.assignments


def _earlier(invoices: Invoices, searches: _Searches, registered_us: Int) -> Bool:
    """Returns which invoices [n] a search found assigned to another lender, not later than to this one."""
    earlier = np.zeros(invoices.count, dtype=np.bool_)
    for found in searches.found():
        rows = invoices.rows(found.scopes)
        own = registered_us[rows]
        earlier[rows] |= (own == 0) | (found.registered_us <= own)
    return earlier


def _bars(invoices: Invoices, terms: Sequence[ContractTerms]) -> Int:
    bars = np.full(invoices.count, -1, dtype=np.int64)
    for one in terms:
        bars[invoices.rows(one.scopes)] = int(one.assignment_barred)
    return bars


def _excluded(invoices: Invoices, exclusions: Sequence[Exclusion], day: int) -> Bool:
    excluded = np.zeros(invoices.count, dtype=np.bool_)
    for one in exclusions:
        if one.expire is None or day <= day_of(one.expire):
            excluded[invoices.rows(one.scopes)] = True
    return excluded


class _OneInvoice(Invoices):
    """An invoice that every event of a whole assignment concerns."""

    def __init__(self) -> None:
        self.count, self.currency = 1, ""
        self.number: Texts = np.array([""], dtype=object)
        self.currencies: Texts = np.array([""], dtype=object)
        self.face_minor = np.zeros(1, dtype=np.int64)
        self.issue_day = np.array([NO_DAY + 1], dtype=np.int64)


_ONE_INVOICE = _OneInvoice()
