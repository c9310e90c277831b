"""A pool of receivables: where every cent of it is, its ages, its debtors, and what stands behind the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from markupsafe import Markup

from collateral_registry.v1 import (
    asset_pb2,
    debtor_pb2,
    invoice_feed_pb2,
    policy_pb2,
    receivable_pb2 as pb,
    verification_pb2,
)
from collateral_registry.web.pages.certificates.sentences import numbers_of
from collateral_registry.web.pages.charts.stacks import Level, Stack, levels, stacks
from collateral_registry.web.pages.numbers import calendar, exact, identifier, percent, value_of
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import conjunction, equals
from collateral_registry.web.pages.views.receivables.ledger import (
    asset_of,
    days_between,
    fetch_debtors,
    fetch_statement,
    fetch_valuation,
    invoices_address,
    iso,
    moment_of,
    rule_name,
)
from collateral_registry.web.pages.views.receivables.pool_limits import Limit, fetch_limits
from collateral_registry.web.pages.visit import ROWS, Page, Visit

LEGS_LIMIT = 10
"""Places in a ledger among which an entry is searched: one entry may take several."""


@dataclass(frozen=True)
class Taken:
    """What a rule takes, with the address of the invoices that bear it, and its share of the open amount."""

    sums: pb.RuleAmount
    address: str
    share: Decimal | None


@dataclass(frozen=True)
class OwingDebtor:
    """A debtor of a pool, its record if it is registered, and its limits in the pool."""

    owed: pb.DebtorAmount
    share: Decimal | None
    address: str
    registered: debtor_pb2.Debtor | None
    limits: Sequence[Limit]


@dataclass(frozen=True)
class Verified:
    """The newest verification, the newest one whose bound is known, its age, and until when it counts."""

    newest: verification_pb2.Verification
    known: verification_pb2.Verification | None
    age_days: int | None
    until: Date | None
    is_old: bool


async def pool(visit: Visit) -> Page:
    """Returns the page of a pool, or of a single receivable."""
    name, services, call = asset_of(visit), visit.book.services, visit.book.call
    found, statement, listed = await asyncio.gather(
        call(services.assets.GetAsset, asset_pb2.GetAssetRequest(name=name)),
        fetch_statement(visit, name),
        call(services.receivables.ListInvoices, pb.ListInvoicesRequest(parent=name, as_of=visit.as_of, page_size=1)),
    )
    moment = moment_of(visit, statement)
    numbers, valuation, debtors, closing, verified, newest = await asyncio.gather(
        _numbers(visit, found.asset_class),
        fetch_valuation(visit, statement),
        _debtors(visit, statement, with_limits=not moment.is_past),
        _closing(visit, statement),
        _verifications(visit, statement),
        _newest_entry(visit, statement),
    )
    values = {
        "asset": found,
        "statement": statement,
        "sums": listed.sums,
        "valuation": valuation,
        "excluded": [_taken(visit, statement, one, is_unknown=False) for one in statement.exclusions],
        "unknown": [_taken(visit, statement, one, is_unknown=True) for one in statement.unknown_amounts],
        "eligible_address": invoices_address(visit, name, counts="eligible"),
        "shares": {part: _share(getattr(listed.sums, f"{part}_amount"), statement) for part in PARTS},
        "picture": _picture(visit.texts, statement, listed.sums),
        "due_ages": _due_ages(visit.texts, statement),
        "issue_ages": _issue_ages(visit.texts, listed.sums, statement),
        "assignments": [(one, _share(one.amount, statement)) for one in listed.sums.assignments],
        "debtors": debtors,
        "rest": _rest(statement),
        "closing": closing,
        "verified": _verified(verified, statement.market_date, numbers.get("verification_max_age_days")),
        "entry": newest,
        "entry_age": _entry_age(newest, statement.market_date),
        "numbers": numbers,
        "is_past": moment.is_past,
    }
    return Page("pool.html", "assets", values, moment)


PARTS = ("eligible", "excluded", "unknown", "lendable")


async def _numbers(visit: Visit, asset_class: str) -> Mapping[str, Decimal]:
    """Returns the numbers by which the pool is valued at the moment: those of the policy, else their defaults."""
    request = policy_pb2.GetAssetClassRequest(name=f"assetClasses/{asset_class}", as_of=visit.as_of)
    found = await visit.book.call(visit.book.services.policies.GetAssetClass, request)
    return numbers_of([found])[found.asset_class].values


async def _debtors(visit: Visit, statement: pb.PoolStatement, *, with_limits: bool) -> list[OwingDebtor]:
    """Returns the largest debtors; limits are those of now, and not read for a past moment."""
    names = {one.registered_debtor for one in statement.debtors} - {""}
    records = await fetch_debtors(visit, names)
    limits = await fetch_limits(visit, statement, records) if with_limits else {}
    return [
        OwingDebtor(
            owed=one,
            share=_share(one.open_amount, statement),
            address=invoices_address(visit, statement.asset, filter=_invoices_of(one)),
            registered=records.get(one.registered_debtor),
            limits=limits.get(one.debtor, ()),
        )
        for one in statement.debtors
    ]


def _invoices_of(one: pb.DebtorAmount) -> str:
    """Returns the filter of the invoices of a debtor, by whichever text the ledger states it if it is registered."""
    return equals("registered_debtor", identifier(one.registered_debtor)) or equals("debtor", one.debtor)


async def _closing(visit: Visit, statement: pb.PoolStatement) -> verification_pb2.Closing | None:
    """Returns the closing amount of the latest day up to that of the statement, as it was recorded last."""
    request = verification_pb2.ListClosingsRequest(
        parent=statement.asset, filter=f"date <= {iso(statement.market_date)}", page_size=ROWS
    )
    found = await visit.book.call(visit.book.services.verifications.ListClosings, request)
    return max(found.closings, key=lambda one: calendar(one.date) or date.min, default=None)


async def _verifications(visit: Visit, statement: pb.PoolStatement) -> Sequence[verification_pb2.Verification]:
    """Returns the newest verifications up to the day of the statement, newest first."""
    request = verification_pb2.ListVerificationsRequest(
        parent=statement.asset, filter=f"date <= {iso(statement.market_date)}", page_size=ROWS
    )
    return list((await visit.book.call(visit.book.services.verifications.ListVerifications, request)).verifications)


async def _newest_entry(visit: Visit, statement: pb.PoolStatement) -> invoice_feed_pb2.RecordedInvoiceEntry | None:
    """Returns the newest entry of the ledger that the statement includes."""
    last = statement.entry_number
    number = f"number > {last - LEGS_LIMIT} AND number <= {last}"
    request = invoice_feed_pb2.ListInvoiceEntriesRequest(
        filter=conjunction(equals("pool", identifier(statement.asset)), number), page_size=1
    )
    found = await visit.book.call(visit.book.services.invoice_feeds.ListInvoiceEntries, request)
    return found.entries[0] if found.entries else None


def _verified(
    found: Sequence[verification_pb2.Verification], today: Date, max_age_days: Decimal | None
) -> Verified | None:
    if not found:
        return None
    known = next((one for one in found if one.HasField("misstated_share")), None)
    age = days_between(known.date, today) if known else None
    day = calendar(known.date) if known else None
    last = None if day is None or max_age_days is None else day + timedelta(days=int(max_age_days))
    until = None if last is None else Date(year=last.year, month=last.month, day=last.day)
    return Verified(found[0], known, age, until, is_old=age is not None and age > (max_age_days or 0))


def _entry_age(entry: invoice_feed_pb2.RecordedInvoiceEntry | None, today: Date) -> int | None:
    if entry is None:
        return None
    day = entry.entry.effective_time.ToDatetime()
    return days_between(Date(year=day.year, month=day.month, day=day.day), today)


def _taken(visit: Visit, statement: pb.PoolStatement, one: pb.RuleAmount, *, is_unknown: bool) -> Taken:
    query = {"rule": rule_name(one.rule), "counts": "unknown" if is_unknown else ""}
    return Taken(one, invoices_address(visit, statement.asset, **query), _share(one.amount, statement))


def _share(amount: Money, statement: pb.PoolStatement) -> Decimal | None:
    whole = value_of(statement.open_amount)
    return value_of(amount) / whole if whole else None


def _rest(statement: pb.PoolStatement) -> Decimal:
    """Returns what the debtors that the statement does not list owe."""
    return value_of(statement.open_amount) - sum((value_of(one.open_amount) for one in statement.debtors), Decimal(0))


def _picture(texts: Texts, statement: pb.PoolStatement, sums: pb.InvoiceSums) -> Markup:
    """Returns the open amount as one bar of what is eligible, excluded and unknown."""
    amounts = (sums.eligible_amount, sums.excluded_amount, sums.unknown_amount)
    parts = [(float(value_of(one)), kind) for one, kind in zip(amounts, ("wf", "wf-cut", "fu"), strict=True)]
    named = zip(("eligible", "excluded", "unknown"), amounts, strict=True)
    label = ", ".join(f"{texts(f'pool.{name}')} {exact(amount)}" for name, amount in named)
    return stacks([Stack(texts("pool.open"), parts, exact(statement.open_amount))], label)


def _due_ages(texts: Texts, statement: pb.PoolStatement) -> tuple[Markup, list[tuple[str, Money]]]:
    """Returns the open amount by days past due, as a picture and as rows."""
    starts = [one.days_past_due for one in statement.ages]
    rows = []
    for place, one in enumerate(statement.ages):
        if one.without_due_date:
            name = texts("pool.no_due_day")
        elif place == 0:
            name = texts("pool.not_due")
        else:
            name = _range(texts, "pool.late", starts, place)
        rows.append((name, one.amount))
    return _age_chart(rows, statement, texts("pool.ages_due")), rows


def _issue_ages(
    texts: Texts, sums: pb.InvoiceSums, statement: pb.PoolStatement
) -> tuple[Markup, list[tuple[str, Money]]]:
    """Returns the open amount by days since the issue, as a picture and as rows."""
    starts = [one.days_since_issue for one in sums.issue_ages]
    rows = [
        (texts("pool.no_issue_day") if one.without_issue_date else _range(texts, "pool.old", starts, place), one.amount)
        for place, one in enumerate(sums.issue_ages)
    ]
    return _age_chart(rows, statement, texts("pool.ages_issue")), rows


def _range(texts: Texts, key: str, starts: Sequence[int], place: int) -> str:
    """Returns the days of an age; the last age before that without a day has no end."""
    if place + 2 >= len(starts):
        return texts(f"{key}_from", first=starts[place])
    return texts(f"{key}_range", first=starts[place], last=starts[place + 1] - 1)


def _age_chart(rows: Sequence[tuple[str, Money]], statement: pb.PoolStatement, label: str) -> Markup:
    drawn = [
        Level(name, float(value_of(amount)), f"{exact(amount)} · {percent(_share(amount, statement))}")
        for name, amount in rows
    ]
    return levels(drawn, f"{label}: {', '.join(f'{one.label} {one.shown}' for one in drawn)}")
