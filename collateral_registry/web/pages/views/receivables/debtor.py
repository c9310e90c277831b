"""A debtor over the whole book: every pool and borrower to which it owes, its line, and how late it pays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from markupsafe import Markup

from collateral_registry.v1 import debtor_pb2 as pb, invoice_feed_pb2, loan_pb2
from collateral_registry.web.pages.charts.months import Column, month_columns
from collateral_registry.web.pages.charts.stacks import Stack, stacks
from collateral_registry.web.pages.numbers import calendar, exact, grouped, identifier, value_of
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import batches, conjunction, equals, one_of, quoted
from collateral_registry.web.pages.views.receivables.debtors import moment_of, used_share
from collateral_registry.web.pages.views.receivables.ledger import (
    fetch_merged,
    invoices_address,
    list_debtors,
    stated_names,
)
from collateral_registry.web.pages.visit import Page, Visit

ENTRIES_READ = 1_000
"""Newest payments and newest invoices from which days late are computed."""

MONTHS_SHOWN = 12


@dataclass(frozen=True)
class Owed:
    """What the debtor owes in a pool, the loans that the pool secures, and the address of its invoices."""

    exposure: pb.PoolExposure
    loans: Sequence[str]
    address: str


@dataclass(frozen=True)
class Month:
    """Payments of a month: their number, and the median of their days after the due day."""

    month: date
    payments: int
    days: float


async def debtor(visit: Visit) -> Page:
    """Returns the page of a debtor; that of a merged duplicate shows what the debtor that remains owes."""
    name, services, call = f"debtors/{visit.parameters['debtor']}", visit.book.services, visit.book.call
    found, exposure, members = await asyncio.gather(
        call(services.debtors.GetDebtor, pb.GetDebtorRequest(name=name)),
        call(services.debtors.GetDebtorExposure, pb.GetDebtorExposureRequest(name=name, as_of=visit.as_of)),
        list_debtors(visit, equals("parent", identifier(name))),
    )
    remaining = await _remaining(visit, found)
    merged = (await fetch_merged(visit, [remaining.name]))[remaining.name]
    names = [text for one in (remaining, *merged) for text in stated_names(one)]
    loans, months = await asyncio.gather(_loans(visit, exposure), _months(visit, names, exposure))
    invoices = f"registered_debtor = {identifier(remaining.name)}"
    owed = [
        Owed(one, loans.get(one.asset, []), invoices_address(visit, one.asset, filter=invoices))
        for one in exposure.pools
    ]
    values = {
        "debtor": found,
        "remaining": remaining.name,
        "exposure": exposure,
        "owed": owed,
        "owed_sums": ", ".join(f"{one.open_amount.currency_code} {exact(one.open_amount)}" for one in exposure.totals),
        "used": used_share(exposure),
        "over": max(-value_of(exposure.headroom), Decimal(0)),
        "line_picture": _line_picture(visit.texts, exposure),
        "pictures": _pictures(visit.texts, exposure),
        "months": months,
        "days_chart": _days_chart(visit.texts, months),
        "members": members,
        "merged": [one for one in merged if one.name != found.name],
        "identifiers": found.identifiers,
    }
    return Page("debtor.html", "debtors", values, moment_of(visit, exposure))


async def _remaining(visit: Visit, found: pb.Debtor) -> pb.Debtor:
    """Returns the debtor into which a duplicate was merged, at the end of all merges; the debtor itself without one."""
    while found.merged_into:
        found = await visit.book.call(
            visit.book.services.debtors.GetDebtor, pb.GetDebtorRequest(name=found.merged_into)
        )
    return found


async def _loans(visit: Visit, exposure: pb.DebtorExposure) -> dict[str, list[str]]:
    """Returns the names of the loans that each pool secures now."""
    pools = [one.asset for one in exposure.pools]
    read = visit.book.services.loans.ListPledges
    requests = [
        loan_pb2.ListPledgesRequest(parent="loans/-", filter=conjunction(one_of("asset", part), "state = ACTIVE"))
        for part in batches(pools)
    ]
    found: dict[str, list[str]] = {}
    for pledges in await asyncio.gather(*(visit.book.rows(read, request, "pledges") for request in requests)):
        for one in pledges:
            found.setdefault(one.asset, []).append(one.name.partition("/pledges/")[0])
    return found


async def _months(visit: Visit, names: Sequence[str], exposure: pb.DebtorExposure) -> list[Month]:
    """Returns the payments of the last months, oldest first, by the due day that the invoice stated."""
    day = calendar(exposure.market_date)
    if day is None:
        return []
    until = f"effective_time <= {day.isoformat()}T23:59:59Z"
    payments, invoices = await asyncio.gather(
        *(_entries(visit, names, conjunction(f"kind = {kind}", until)) for kind in ("PAYMENT", "INVOICE"))
    )
    due = {_key(one): calendar(one.entry.due_date) for one in reversed(invoices)}
    by_month: dict[date, list[int]] = {}
    for one in payments:
        paid, expected = one.entry.effective_time.ToDatetime().date(), due.get(_key(one))
        if expected and value_of(one.change):
            by_month.setdefault(paid.replace(day=1), []).append((paid - expected).days)
    found = [Month(month, len(days), float(median(days))) for month, days in sorted(by_month.items())]
    return found[-MONTHS_SHOWN:]


async def _entries(visit: Visit, names: Sequence[str], filter_: str) -> Sequence[invoice_feed_pb2.RecordedInvoiceEntry]:
    """Returns the newest entries about a debtor, whose ledgers state it by one of the names; newest first by name."""
    by_names = [f"debtor IN ({', '.join(map(quoted, part))})" for part in batches(names)]
    requests = [
        invoice_feed_pb2.ListInvoiceEntriesRequest(filter=conjunction(one, filter_), page_size=ENTRIES_READ)
        for one in by_names
    ]
    read = visit.book.services.invoice_feeds.ListInvoiceEntries
    pages = await asyncio.gather(*(visit.book.call(read, request) for request in requests))
    return [entry for page in pages for entry in page.entries]


def _key(one: invoice_feed_pb2.RecordedInvoiceEntry) -> tuple[str, str, str]:
    return one.entry.pool, one.entry.debtor, one.entry.invoice_number


def _line_picture(texts: Texts, exposure: pb.DebtorExposure) -> Markup:
    """Returns what pools claim of the line and what it leaves, or what is claimed beyond it."""
    if not exposure.HasField("line"):
        return Markup("")
    claimed, headroom = float(value_of(exposure.claimed_amount)), float(value_of(exposure.headroom))
    within = min(claimed, claimed + headroom)
    parts = [(within, "wf"), (headroom, "lend-a"), (-headroom, "mark")]
    shown = texts("debtor.claimed_of", claimed=exact(exposure.claimed_amount), line=exact(exposure.line.amount))
    return stacks([Stack(texts("debtor.line"), parts, shown, claimed + headroom)], f"{texts('debtor.line')}: {shown}")


def _pictures(texts: Texts, exposure: pb.DebtorExposure) -> list[tuple[str, Markup]]:
    """Returns a picture of the pools of each currency: what is eligible, excluded and unknown."""
    found = []
    for total in exposure.totals:
        currency = total.open_amount.currency_code
        rows = [
            Stack(
                f"{one.owner} · {identifier(one.asset)}",
                [
                    (float(value_of(one.eligible_amount)), "wf"),
                    (float(value_of(one.excluded_amount)), "wf-cut"),
                    (float(value_of(one.unknown_amount)), "fu"),
                ],
                exact(one.open_amount),
            )
            for one in exposure.pools
            if one.open_amount.currency_code == currency
        ]
        label = texts("debtor.picture_label", currency=currency)
        found.append((currency, stacks(rows, f"{label}: {'; '.join(f'{row.label} {row.shown}' for row in rows)}")))
    return found


def _days_chart(texts: Texts, months: Sequence[Month]) -> Markup:
    if not months:
        return Markup("")
    columns = [
        Column(
            texts("format.month").format(y=one.month.year % 100, m=one.month.month),
            one.days,
            grouped(Decimal(str(one.days)).normalize(), 0 if one.days.is_integer() else 1),
        )
        for one in months
    ]
    label = f"{texts('debtor.days_late')}: {', '.join(f'{one.label} {one.shown}' for one in columns)}"
    return month_columns(columns, label)
