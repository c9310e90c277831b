"""Servicer of IpService, with the conversion of IP valuations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.message import Message
from grpc.aio import ServicerContext

from collateral_registry.commands.ip import ip_assets as commands
from collateral_registry.domain.assets.kinds import IntellectualProperty
from collateral_registry.domain.ip.ip_valuation import EARNING_YEARS_LIMIT, EVIDENCE, RightAnswer, RightQuestion
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.assets.messages import read_ip_asset, survival_message, to_be_quoted
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.ip.events import StoredIpEvent
from collateral_registry.v1 import asset_pb2, ip_pb2 as pb, ip_pb2_grpc
from valuation.errors import InvalidInput
from valuation.ip.distribution import QUANTILE_LEVELS
from valuation.ip.events import RightEvent, RightEventKind

if TYPE_CHECKING:
    from google.type.money_pb2 import Money as MoneyMessage

SINGLE_BRACKETS = ("reproduction_cost", "market_price", "excess_earnings")
DOUBTS = ("revenue_log_sd", "royalty_low", "royalty_high", "life_low_share", "discount_low", "discount_high")
YEARLY_BRACKETS = ("earnings_after_tax", "contributory_charges")
INDICATORS_LIMIT = 100
"""Largest number of indicators in a question; there are fewer."""

DAYS_AHEAD, DAYS_AHEAD_LIMIT = 90, 3_650


class IpServicer(ip_pb2_grpc.IpServiceServicer):
    """Values IP assets, records their events and lists their coming fees."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def ValueRight(self, request: pb.ValueRightRequest, context: ServicerContext) -> pb.RightValue:
        """Values a registered IP asset; records nothing."""
        (asset_id,) = id_of("name", request.name, "assets")
        question = _question(request.question)

        def work(connection: Connection) -> pb.RightValue:
            answer, currency = commands.value_registered(connection, asset_id, question)
            _check_brackets(request.question.brackets, currency)
            return _value(answer, currency)

        return await self.runner.read(work)

    async def QuoteRight(self, request: pb.QuoteRightRequest, context: ServicerContext) -> pb.RightValue:
        """Values an IP asset that is not registered; records nothing."""
        read = convert.read_all(
            asset=lambda: _right(request.right),
            question=lambda: _question(request.question),
            currency=lambda: convert.optional_currency(request.currency_code),
        )
        asset, question = read["asset"], read["question"]
        if asset.next_year_revenue is None:
            raise InvalidInput("right.next_year_revenue", "nothing", "the revenue of the coming year; a quote needs it")
        currency = request.currency_code or asset.next_year_revenue.currency
        if currency != asset.next_year_revenue.currency:
            raise InvalidInput("currency_code", currency, f"{asset.next_year_revenue.currency}, that of the revenue")
        _check_brackets(request.question.brackets, currency)

        def work(connection: Connection) -> pb.RightValue:
            with _of_right():
                return _value(commands.quote(connection, asset, question), currency)

        return await self.runner.read(work)

    async def RecordRightEvent(self, request: pb.RecordRightEventRequest, context: ServicerContext) -> pb.RightEvent:
        """Records an event of an IP asset and revalues it and its loans."""
        message = request.right_event
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            kind=lambda: convert.member("right_event.kind", RightEventKind, message.kind),
            day=lambda: convert.required_date("right_event.date", message, "date"),
            share=lambda: convert.read_optional_decimal("right_event.owned_share", message, "owned_share"),
        )
        asset_id, share = read["asset_id"], read["share"]
        event = RightEvent(read["kind"], read["day"], owned_share=1.0 if share is None else float(share))

        def work(write: Write) -> pb.RightEvent:
            return _event(asset_id, commands.record_event(write, asset_id, event, message.note))

        return await self.runner.write(call_of(request, "RecordRightEvent", pb.RightEvent), work)

    async def ListRightEvents(
        self, request: pb.ListRightEventsRequest, context: ServicerContext
    ) -> pb.ListRightEventsResponse:
        """Lists the events of an IP asset, newest first."""
        read = convert.read_all(
            rows=lambda: filtered_page(request, "ListRightEvents", NEWEST),
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
        )
        (wanted, page), asset_id = read["rows"], read["asset_id"]

        def work(connection: Connection) -> pb.ListRightEventsResponse:
            found = commands.list_events(connection, asset_id, wanted, *page.bounds)
            messages, token = page.filled(found, lambda row: row.key, lambda row: _event(asset_id, row))
            return pb.ListRightEventsResponse(right_events=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ListComingFees(
        self, request: pb.ListComingFeesRequest, context: ServicerContext
    ) -> pb.ListComingFeesResponse:
        """Lists fees of IP assets that fall due or can still be paid, in the order of their due dates."""
        if not 0 <= request.days_ahead <= DAYS_AHEAD_LIMIT:
            raise InvalidInput("days_ahead", request.days_ahead, f"0 to {DAYS_AHEAD_LIMIT}")
        days = request.days_ahead or DAYS_AHEAD
        wanted, page = filtered_page(request, "ListComingFees", 0, days)

        def work(connection: Connection) -> pb.ListComingFeesResponse:
            fees, without = commands.coming_fees(connection, days, wanted)
            listed, token = page.cut(fees[page.after :], lambda _: page.after + page.size)
            return pb.ListComingFeesResponse(
                fees=[_fee(fee) for fee in listed],
                next_page_token=token,
                assets_without_calendar=[f"assets/{asset_id}" for asset_id in without],
            )

        return await self.runner.long_read(work)


def _right(message: asset_pb2.IntellectualProperty) -> IntellectualProperty:
    """Returns an IP asset that is not registered; raises InvalidInput with the name of the field."""
    with _of_right():
        return read_ip_asset(to_be_quoted("intellectual_property", message))


@contextmanager
def _of_right() -> Iterator[None]:
    """Names the IP asset in violations of the block as the request does."""
    try:
        yield
    except InvalidInput as error:
        raise error.named(lambda name: name.replace("intellectual_property", "right")) from None


def _question(message: pb.RightQuestion) -> RightQuestion:
    """Returns the question in a message; raises one InvalidInput that lists the wrong fields."""
    brackets, earnings = message.brackets, message.brackets.earnings
    check_count("question.indicators", message.indicators, INDICATORS_LIMIT, least=0)
    read = convert.read_all(
        **_numbers("question", message, "pledge_level", "loan_years", "operating_margin"),
        **_numbers("question.doubt", message.doubt, *DOUBTS),
        **_numbers("question.brackets", brackets, "functional_obsolescence", "economic_obsolescence"),
        **_numbers("question.brackets.earnings", earnings, "terminal_growth"),
        **{name: partial(_amount, brackets, name) for name in SINGLE_BRACKETS},
        **{name: partial(_amounts, earnings, name) for name in YEARLY_BRACKETS},
    )
    stated = {name: value for name, value in read.items() if value is not None}
    return RightQuestion(**stated, indicators=dict(message.indicators))


def _numbers(prefix: str, holder: Message, *names: str) -> dict[str, Callable[[], float | None]]:
    return {name: partial(_number, prefix, holder, name) for name in names}


def _number(prefix: str, holder: Message, name: str) -> float | None:
    value = convert.read_optional_decimal(f"{prefix}.{name}", holder, name)
    return None if value is None else float(value)


def _amount(brackets: pb.RightBrackets, name: str) -> float | None:
    value = convert.read_optional_money(f"question.brackets.{name}", brackets, name)
    return None if value is None else float(value.major)


def _amounts(earnings: pb.ExcessEarnings, name: str) -> list[float]:
    field = f"question.brackets.earnings.{name}"
    check_count(field, getattr(earnings, name), EARNING_YEARS_LIMIT, least=0)
    return [float(convert.read_money(field, one).major) for one in getattr(earnings, name)]


def _check_brackets(brackets: pb.RightBrackets, currency: str) -> None:
    """Raises InvalidInput for an amount in a currency other than that of the IP asset."""
    single = {name: getattr(brackets, name) for name in SINGLE_BRACKETS if brackets.HasField(name)}
    years = {f"earnings.{name}": list(getattr(brackets.earnings, name)) for name in YEARLY_BRACKETS}
    yearly = [(name, amount) for name, amounts in years.items() for amount in amounts]
    for name, amount in (*yearly, *single.items()):
        if amount.currency_code != currency:
            raise InvalidInput(f"question.brackets.{name}", amount.currency_code, f"{currency}, that of the IP asset")


def _value(answer: RightAnswer, currency: str) -> pb.RightValue:
    def money(amount: float) -> MoneyMessage | None:
        return convert.money_of_float(amount, currency)

    quantiles = zip(QUANTILE_LEVELS, answer.quantiles, strict=True)
    message = pb.RightValue(
        value=money(answer.value),
        mean=money(answer.mean),
        pledge_value=money(answer.pledge_value),
        quantiles=[
            pb.ValueQuantile(level=convert.ratio(level), value=money(value))
            for level, value in quantiles
            if not np.isnan(value)
        ],
        loan_life=int(answer.loan_life),
        reasons=answer.reasons,
        bracket_flags=answer.brackets,
        flags=answer.flags,
        annual_survival=convert.decimal(answer.annual_survival),
        survival=survival_message(answer.survival),
        evidence=EVIDENCE,
        brackets=pb.BracketValues(
            cost=money(answer.bracket_values.cost[0]),
            excess_earnings=money(answer.bracket_values.excess_earnings[0]),
            market_price=money(answer.bracket_values.market[0]),
        ),
        cap=convert.ratio(answer.cap),
    )
    if not np.isnan(answer.life_years):
        message.remaining_life_years.CopyFrom(convert.decimal(Decimal(f"{answer.life_years:.6f}")))
    if answer.score:
        message.score.CopyFrom(convert.ratio(answer.score.score))
        message.tier = answer.score.tier.name
        message.vetoes.extend(answer.score.vetoes)
    return message


def _event(asset_id: str, stored: StoredIpEvent) -> pb.RightEvent:
    return pb.RightEvent(
        name=f"assets/{asset_id}/rightEvents/{stored.key}",
        kind=int(stored.kind),
        date=convert.calendar_date(date_at(stored.day)),
        owned_share=convert.ratio(stored.owned_share),
        note=stored.note,
        sequence=stored.seq,
        actor=stored.actor,
    )


def _fee(coming: commands.ComingFee) -> pb.RightFee:
    fee = coming.fee
    return pb.RightFee(
        asset=f"assets/{coming.asset_id}",
        number=fee.number,
        due_date=convert.calendar_date(fee.due),
        last_date=convert.calendar_date(fee.last_day),
        amount=convert.money_of_float(fee.amount, fee.currency),
        valid_from=fee.valid_from,
        source=fee.source,
    )
