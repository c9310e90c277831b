"""One loan: where it stands, what secures it, what would cure it, and what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from collateral_registry.v1 import (
    asset_pb2,
    breach_pb2,
    business_date_pb2,
    common_pb2,
    disposal_pb2,
    loan_pb2,
    valuation_pb2,
)
from collateral_registry.web.pages.changes import CURE_STATUSES, OUTCOMES, REASONS, STEPS, cure_request, steps_of
from collateral_registry.web.pages.charts.bars import limit_scale, waterfall
from collateral_registry.web.pages.disposal_changes import CAUSES
from collateral_registry.web.pages.numbers import percent, ratio_of, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.history import loan_history
from collateral_registry.web.pages.views.common.report import LEVEL_NAMES, Limits, days_left, own_limits, policy_limits
from collateral_registry.web.pages.views.common.steps import Claim, steps_of_claims
from collateral_registry.web.pages.visit import ROWS, Page, Visit

EVENTS_SHOWN = 30
LEVELS_OF = {name: common_pb2.LtvLevel.Value(f"LTV_LEVEL_{name.upper()}") for name in LEVEL_NAMES}


@dataclass(frozen=True)
class Pledged:
    """An asset of the pool with its pledge and its value in the currency of the loan."""

    pledge: loan_pb2.Pledge
    asset: asset_pb2.Asset
    valuation: valuation_pb2.Valuation


async def loan(visit: Visit) -> Page:
    """Returns the page of a loan."""
    name = f"loans/{visit.parameters['loan']}"
    services, call = visit.book.services, visit.book.call
    found, pledges, breaches, disposals = await asyncio.gather(
        call(services.loans.GetLoan, loan_pb2.GetLoanRequest(name=name)),
        call(
            services.loans.ListPledges,
            loan_pb2.ListPledgesRequest(parent=name, filter="state = ACTIVE", page_size=ROWS),
        ),
        call(services.breaches.ListBreaches, breach_pb2.ListBreachesRequest(parent=name, page_size=ROWS)),
        call(
            services.disposals.ListDisposals,
            disposal_pb2.ListDisposalsRequest(parent=name, filter="state != CLOSED", page_size=1),
        ),
    )
    visit.book.note_cut("breaches", breaches.next_page_token)
    pool, breach, limits, tested, history = await asyncio.gather(
        _pool(visit, pledges.pledges, found.currency_code),
        _newest_breach(visit, breaches.breaches),
        _limits(visit, found),
        _tested_cure(visit, breaches.breaches),
        loan_history(visit, name),
    )
    cover = found.cover
    values = {
        "loan": found,
        "cover": cover,
        "pool": pool,
        "more_pledges": bool(pledges.next_page_token),
        "limits": limits,
        "margin_call": limits.get("margin_call"),
        "own": own_limits(found),
        "lent_share": _share(cover),
        "breach": breach,
        "breaches": breaches.breaches,
        "days_left": days_left(breach.deadline_date, cover.market_date) if breach else None,
        "events": list(reversed(breach.history))[:EVENTS_SHOWN] if breach else [],
        "steps": steps_of(breach, has_credentials=visit.book.states_credentials),
        "tested": tested,
        "open_disposals": disposals.disposals,
        "causes": CAUSES,
        "reasons": REASONS,
        "outcomes": OUTCOMES,
        "statuses": CURE_STATUSES,
        "asks_name": not visit.book.states_credentials,
        "request_id": lambda: str(uuid4()),
        "done": visit.query.get("done", "") if visit.query.get("done") in STEPS else "",
        **history,
        **_waterfall(visit.texts, pool, cover),
        "scale": _scale(visit.texts, cover, limits),
    }
    return Page("loan.html", "loans", values)


async def _pool(visit: Visit, pledges: Sequence[loan_pb2.Pledge], currency: str) -> list[Pledged]:
    """Returns the assets of pledges with their values in a currency."""
    names = sorted({pledge.asset for pledge in pledges})
    if not names:
        return []
    services, call = visit.book.services, visit.book.call
    assets, values = await asyncio.gather(
        call(services.assets.BatchGetAssets, asset_pb2.BatchGetAssetsRequest(names=names)),
        call(
            services.valuations.ValueAssets,
            valuation_pb2.ValueAssetsRequest(names=names, currency_code=currency),
        ),
    )
    asset_of = {asset.name: asset for asset in assets.assets}
    value_of_asset = dict(zip(names, values.valuations, strict=True))
    return [Pledged(pledge, asset_of[pledge.asset], value_of_asset[pledge.asset]) for pledge in pledges]


async def _newest_breach(visit: Visit, breaches: Sequence[breach_pb2.Breach]) -> breach_pb2.Breach | None:
    if not breaches:
        return None
    request = breach_pb2.GetBreachRequest(name=breaches[0].name)
    found: breach_pb2.Breach = await visit.book.call(visit.book.services.breaches.GetBreach, request)
    return found


async def _tested_cure(visit: Visit, breaches: Sequence[breach_pb2.Breach]) -> breach_pb2.Cure | None:
    """Returns the result of the test of the cure that the address states; nothing is recorded."""
    if not breaches or not (visit.query.get("cash") or visit.query.get("asset")):
        return None
    request = cure_request(breaches[0].name, visit.query)
    request.validate_only = True
    if not visit.book.states_credentials:  # the local owner has no name of its own
        request.actor = "reader of the page"
    found: breach_pb2.Breach = await visit.book.call(visit.book.services.breaches.RecordCure, request)
    return found.history[-1].cure


async def _limits(visit: Visit, found: loan_pb2.Loan) -> Limits:
    """Returns the limits of a loan: its own, and those of the policy where it states none."""
    request = business_date_pb2.GetBusinessDateRequest()
    now = await visit.book.call(visit.book.services.dates.GetBusinessDate, request)
    return {**await policy_limits(visit, now.policy), **own_limits(found)}


def _waterfall(texts: Texts, pool: Sequence[Pledged], cover: loan_pb2.LoanCover) -> dict[str, object]:
    """Returns the way from the market value of the pool to its lendable value, as a picture and as figures."""
    claims = [Claim(one.valuation, one.pledge.market_claim, one.pledge.lendable_claim) for one in pool]
    steps = steps_of_claims(texts, claims, cover)
    return {"steps_down": steps, "waterfall": waterfall(steps, texts("loan.waterfall_label")) if pool else ""}


def _share(cover: loan_pb2.LoanCover) -> Decimal | None:
    market = value_of(cover.market_value)
    return value_of(cover.lendable_value) / market if market else None


def _scale(texts: Texts, cover: loan_pb2.LoanCover, limits: Limits) -> str:
    """Returns the picture of an LTV between the limits of its loan; empty without an LTV or limits."""
    ltv = ratio_of(cover.ltv)
    names = [name for name in LEVEL_NAMES if name in limits]
    if ltv is None or len(names) < len(LEVEL_NAMES):
        return ""
    shown = [(limits[name], word(texts, "level", LEVELS_OF[name])) for name in names]
    return limit_scale(ltv, shown, percent(ltv), texts("loan.scale_label", ltv=percent(ltv)))
