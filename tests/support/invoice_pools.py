"""Pools of invoices with their debtors and assignments, as the value of a pool reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from collateral_registry.domain.receivables import pool_statement
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts, AssignmentState
from collateral_registry.domain.receivables.changes.computed_pool import computed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts, DebtorLimits
from collateral_registry.domain.receivables.ledger import InvoiceFlag, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import number_keys
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, PoolTerms, stated_debtors
from collateral_registry.domain.receivables.pool_ladder import Ladder, ladder
from collateral_registry.domain.receivables.pool_statement import PoolStatement
from collateral_registry.domain.receivables.rule_numbers import DEFAULT_VALUES, ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.valuations.pool_values import PoolValue, pool_value

TODAY = day_of(date(2026, 6, 30))


@dataclass(frozen=True)
class OpenInvoice:
    """An invoice that every rule keeps unless a field says otherwise; days count from today."""

    number: str
    debtor: str = "globex"
    open: int = 100_000
    face: int | None = None
    issued: int = -20
    due: int | None = 40
    delivered: int | None = -20
    type_code: int = 380
    flags: InvoiceFlag = InvoiceFlag.NONE
    currency: str = "EUR"
    disputed: int = 0
    retention: int = 0
    retention_day: int | None = None
    state: AssignmentState = AssignmentState.NOTIFIED
    searched: int | None = -1
    earlier_assignee: bool = False
    bars: int = 0
    manual: bool = False
    credited: int = 0
    written_off: int = 0
    lowered: int = 0
    withdrawn: int | None = None


@dataclass(frozen=True)
class KnownDebtor:
    """A registered debtor of the owner's country that belongs to no group."""

    key: int
    group: int = 0
    kind: int = 1
    state: int = 1
    country: str = "DE"
    pd: float = 0.01
    core: bool = False
    line_left: int = NO_LINE
    covered: int = NO_LINE
    insured: int = NO_LINE
    permitted: int = NO_LINE


@dataclass(frozen=True)
class Balance:
    """Amounts of a debtor without an invoice."""

    unapplied: int = 0
    contra: int = 0
    contra_day: int = -1
    currency: str = "EUR"


TERMS = PoolTerms(
    "EUR", owner_group=900, owner_country="DE", value_part=0.05, verification_day=TODAY - 10, dilution=0.02
)


def numbers(**changed: str) -> ReceivableNumbers:
    """Returns the default numbers of the policy with some changed."""
    return ReceivableNumbers({**DEFAULT_VALUES, **{name: Decimal(value) for name, value in changed.items()}})


def pool_of(
    *invoices: OpenInvoice,
    debtors: dict[str, KnownDebtor] | None = None,
    balances: dict[str, Balance] | None = None,
    terms: PoolTerms = TERMS,
    entry_day: int = -1,
) -> PoolFacts:
    """Returns the facts of a pool; by default the only registered debtor is ``globex``."""
    known = {"globex": KnownDebtor(1)} if debtors is None else debtors
    ledger = _ledger(sorted(invoices, key=lambda one: (one.debtor, one.number)), balances or {}, entry_day)
    names = stated_debtors(ledger)
    return PoolFacts(
        ledger=ledger,
        debtors=_debtors(names, known),
        assignments=_assignments(sorted(invoices, key=lambda one: (one.debtor, one.number))),
        terms=terms,
        line_left_minor=_integers(known[name].line_left if name in known else NO_LINE for name in names),
        limits=_limits(known.get(name, KnownDebtor(0)) for name in names),
    )


def valued(pool: PoolFacts, numbers: ReceivableNumbers, day: int = TODAY) -> tuple[PoolValue, PoolStatement]:
    """Returns the value and the statement of a pool."""
    made = computed(pool, numbers, day)
    value = pool_value(made, pool.terms, pool.ledger.entry_day, numbers, day)
    return value, pool_statement.statement_of(made, pool.ledger.entry_number, (value.conservative, value.last_good))


ALONE = {"concentration_mode": "4"}
"""No limit on the share of a debtor."""


def ladder_of(*invoices, changed=ALONE, **fields) -> Ladder:
    return ladder(pool_of(*invoices, **fields), numbers(**changed), TODAY)


def value_of(*invoices, changed=ALONE, **fields) -> PoolValue:
    return valued(pool_of(*invoices, **fields), numbers(**changed))[0]


def statement_of(*invoices, changed=ALONE, **fields) -> PoolStatement:
    return valued(pool_of(*invoices, **fields), numbers(**changed))[1]


def buckets(*invoices, **fields) -> dict[str, int]:
    """Returns the amounts of a pool by bucket."""
    found = statement_of(*invoices, **fields)
    sums = {rule.name: one.amount_minor for rule, one in found.excluded.items()}
    sums |= {f"unknown {rule.name}": one.amount_minor for rule, one in found.unknown.items()}
    return sums | ({"eligible": found.eligible_minor} if found.eligible_minor else {})


def _ledger(invoices: list[OpenInvoice], balances: dict[str, Balance], entry_day: int) -> PoolLedger:
    def day(values) -> np.ndarray:
        return _integers(NO_DAY if value is None else TODAY + value for value in values)

    face = [one.open if one.face is None else one.face for one in invoices]
    held = sorted(balances.items())
    return PoolLedger(
        pool_key=1,
        entry_number=len(invoices),
        entry_day=TODAY + entry_day,
        invoice_number=_texts(one.number for one in invoices),
        number_key=number_keys(_texts(one.number for one in invoices)),
        debtor=_texts(one.debtor for one in invoices),
        currency=_texts(one.currency for one in invoices),
        type_code=_integers(one.type_code for one in invoices),
        flags=_integers(one.flags for one in invoices),
        face_minor=_integers(face),
        paid_minor=_integers(face) - _integers(one.open + one.credited + one.written_off for one in invoices),
        credited_minor=_integers(one.credited for one in invoices),
        written_off_minor=_integers(one.written_off for one in invoices),
        open_minor=_integers(one.open for one in invoices),
        disputed_minor=_integers(one.disputed for one in invoices),
        retention_minor=_integers(one.retention for one in invoices),
        retention_day=day(one.retention_day for one in invoices),
        issue_day=day(one.issued for one in invoices),
        due_day=day(one.due for one in invoices),
        delivery_day=day(one.delivered for one in invoices),
        withdrawn_minor=_integers(one.credited + one.written_off + one.lowered for one in invoices),
        withdrawn_day=day(one.withdrawn for one in invoices),
        balance_debtor=_texts(name for name, _ in held),
        unapplied_minor=_integers(one.unapplied for _, one in held),
        contra_minor=_integers(one.contra for _, one in held),
        contra_day=day(one.contra_day for _, one in held),
        balance_currency=_texts(one.currency for _, one in held),
    )


def _debtors(names, known: dict[str, KnownDebtor]) -> DebtorFacts:
    nothing = KnownDebtor(0, kind=0, state=0, country="", pd=float("nan"))
    rows = [known.get(name, nothing) for name in names]
    return DebtorFacts(
        stated=names,
        debtor_key=_integers(one.key for one in rows),
        own_key=_integers(one.key for one in rows),
        group_key=_integers(one.group or one.key for one in rows),
        parent_stated=np.array([one.key > 0 for one in rows], dtype=np.bool_),
        kind=_integers(one.kind for one in rows),
        state=_integers(one.state for one in rows),
        is_core_firm=np.array([one.core for one in rows], dtype=np.bool_),
        country=_texts(one.country for one in rows),
        pd=np.array([one.pd for one in rows], dtype=np.float64),
        pd_day=_integers(TODAY for _ in rows),
        line_minor=_integers(NO_LINE for _ in rows),
        line_currency=_texts("" for _ in rows),
        line_expire_day=_integers(NO_DAY for _ in rows),
    )


def _limits(debtors: Iterable[KnownDebtor]) -> DebtorLimits | None:
    """Returns the limits of debtors; None if no debtor has one, as for most pools."""
    rows = [(one.covered, one.insured, one.permitted) for one in debtors]
    columns = [_integers(column) for column in zip(*rows, strict=True)]
    return DebtorLimits(*columns) if any((column != NO_LINE).any() for column in columns) else None


def _assignments(invoices: list[OpenInvoice]) -> AssignmentFacts:
    return AssignmentFacts(
        state=_integers(one.state for one in invoices),
        registered_us=_integers(1 for _ in invoices),
        earlier_assignee=np.array([one.earlier_assignee for one in invoices], dtype=np.bool_),
        search_day=_integers(NO_DAY if one.searched is None else TODAY + one.searched for one in invoices),
        bars_assignment=_integers(one.bars for one in invoices),
        excluded_manually=np.array([one.manual for one in invoices], dtype=np.bool_),
    )


def _integers(values) -> np.ndarray:
    return np.array([int(value) for value in values], dtype=np.int64)


def _texts(values) -> np.ndarray:
    listed = list(values)
    found = np.empty(len(listed), dtype=object)
    found[:] = listed
    return found
