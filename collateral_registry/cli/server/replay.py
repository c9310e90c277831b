"""Replays the sample year day by day: business dates, ledgers, exchange rates, prices, and what people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date

from collateral_registry.cli.common.file_schemas import Row
from collateral_registry.cli.common.formatting import date_message, to_decimal
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing import messages
from collateral_registry.cli.server.progress import shown_progress
from collateral_registry.cli.server.sample import LAST, OPENING, business_date, table, update_balances
from collateral_registry.cli.server.sample_certificates import approve, certify
from collateral_registry.cli.server.sample_pools import record_assignment, record_entries, registered
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    borrowing_base_pb2,
    borrowing_base_pb2_grpc,
    breach_pb2,
    breach_pb2_grpc,
    business_date_pb2,
    business_date_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
)
from valuation.tables.reader import NumberedRow

ByDay = Mapping[str, list[NumberedRow]]


def replay(channel: grpc.Channel, until: str = LAST, first: str = "") -> str:
    """Advances the book day by day and returns a line with the counts of its breaches.

    The current business date is replayed first, because an earlier replay may have stopped on that day. Requests that
    were already applied have no further effect. Raises ValueError for an invalid date.
    """
    now, _ = business_date(channel)
    start = max(now, _parse_date("--from", first)) if first else now
    days = [day for day in business_days(start, _parse_date("--until", until)) if day.isoformat() > OPENING]
    if not days:
        return f"nothing to replay from {start} until {until}; {breach_count(channel)}"
    by_day = {name: _by_day(table(name)) for name in ("prices", "fx", "timeline")}
    by_day |= {name: _by_day(registered(channel, table(name)), days[0]) for name in ("invoices", "assignments")}
    if days[0] == now:
        _replay_day(channel, by_day, days.pop(0))
    if days:
        with shown_progress(len(days)) as done:
            for day in days:
                _advance(channel, day)
                _replay_day(channel, by_day, day)
                done(day)
    return breach_count(channel)


def business_days(first: date, last: date) -> list[date]:
    """Returns the days from first to last except Saturdays and Sundays."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]


def breach_count(channel: grpc.Channel) -> str:
    """Returns a line that states how many breaches were opened, were cured and are open."""
    stub = breach_pb2_grpc.BreachServiceStub(channel)
    found = fetch_all(stub.ListBreaches, breach_pb2.ListBreachesRequest(parent="loans/-"), "breaches").breaches
    cured = sum(breach.state == breach_pb2.BREACH_STATE_CURED for breach in found)
    return f"{len(found)} breaches opened, {cured} cured, {len(found) - cured} live"


def _advance(channel: grpc.Channel, day: date) -> None:
    stub = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    stub.AdvanceBusinessDate(business_date_pb2.AdvanceBusinessDateRequest(date=_date_message(day)))


def _parse_date(field: str, text: str) -> date:
    message = date_message(field, text)
    return date(message.year, message.month, message.day)


def _date_message(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _by_day(numbered: Sequence[NumberedRow], first: date | None = None) -> ByDay:
    """Returns the rows by day; those between the opening and ``first`` belong to ``first``.

    Ledgers and assignments are complete in this way after days were skipped.
    """
    groups: dict[str, list[NumberedRow]] = {}
    for row in numbered:
        day = row.values.get("date") or row.values["time"][:10]
        if first is not None and day > OPENING:
            day = max(day, first.isoformat())
        groups.setdefault(day, []).append(row)
    return groups


def _replay_day(channel: grpc.Channel, by_day: Mapping[str, ByDay], day: date) -> None:
    record_entries(channel, [row.values for row in by_day["invoices"].get(day.isoformat(), [])])
    for row in by_day["assignments"].get(day.isoformat(), []):
        record_assignment(channel, row.values)
    prices = price_pb2_grpc.PriceServiceStub(channel)
    rates = [messages.fx_rate(row.values) for row in by_day["fx"].get(day.isoformat(), [])]
    if rates:
        prices.IngestFxRates(with_request_id(price_pb2.IngestFxRatesRequest(rates=rates)))
    quotes = [messages.price_observation(row.values) for row in by_day["prices"].get(day.isoformat(), [])]
    if quotes:
        prices.IngestPrices(with_request_id(price_pb2.IngestPricesRequest(observations=quotes)))
    actions = Actions(channel, day)
    for row in by_day["timeline"].get(day.isoformat(), []):
        actions.apply(row.values)


class Actions:
    """Applies the actions of borrowers and the bank on a day of the sample; a repeated action has no further effect."""

    def __init__(self, channel: grpc.Channel, day: date) -> None:
        self.channel = channel
        self.day = day
        self.loans = loan_pb2_grpc.LoanServiceStub(channel)

    def apply(self, row: Row) -> None:
        """Applies one row of the timeline; raises ValueError for an unknown action."""
        target, value = row["target"], row["value"]
        calls = {
            "repay": lambda: self._change_principal(target, -Decimal(value)),
            "draw": lambda: self._change_principal(target, Decimal(value)),
            "quantity": lambda: self._set_quantity(target, value),
            "status": lambda: self._set_legal_status(target, value),
            "insure": lambda: self._set_date(target, "insurance_expire_date", date_message("value", value)),
            "inspect": lambda: self._set_date(target, "last_inspection_date", _date_message(self.day)),
            "register": lambda: self._renew_registration(target, value),
            "pledge": lambda: self._pledge(target),
            "acknowledge": lambda: self._acknowledge(target, row["note"]),
            "rent": lambda: self._reserve_rent(target, value, row["note"]),
            "certify": lambda: certify(self.channel, row, _date_message(self.day)),
            "approve": lambda: approve(self.channel, row),
        }
        if row["action"] not in calls:
            raise ValueError(f"action: got {row['action']!r}, want one of {', '.join(calls)}")
        calls[row["action"]]()

    def _change_principal(self, loan_id: str, by: Decimal) -> None:
        loan = self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{loan_id}"))
        if date(loan.balance_date.year, loan.balance_date.month, loan.balance_date.day) >= self.day:
            return  # applied before the replay was interrupted
        principal = max(to_decimal(loan.principal) + by, Decimal(0))
        update = loan_pb2.BalanceUpdate(
            loan=loan.name,
            principal=messages.money(f"{principal:f}", loan.currency_code, "principal"),
            accrued_interest=loan.accrued_interest,
            fees=loan.fees,
            balance_date=_date_message(self.day),
        )
        update_balances(self.channel, [update], str(self.day))

    def _set_quantity(self, asset_id: str, quantity: str) -> None:
        inventory = asset_pb2.Inventory(quantity={"value": quantity})
        self._update(asset_id, asset_pb2.Asset(inventory=inventory), "inventory.quantity")

    def _set_legal_status(self, asset_id: str, status: str) -> None:
        ip_asset = asset_pb2.IntellectualProperty(legal_status=f"LEGAL_STATUS_{status}")
        self._update(asset_id, asset_pb2.Asset(intellectual_property=ip_asset), "intellectual_property.legal_status")

    def _set_date(self, asset_id: str, path: str, day: Date) -> None:
        self._update(asset_id, asset_pb2.Asset(**{path: day}), path)

    def _update(self, asset_id: str, change: asset_pb2.Asset, path: str) -> None:
        change.name = f"assets/{asset_id}"
        request = asset_pb2.UpdateAssetRequest(asset=change, update_mask=FieldMask(paths=[path]))
        asset_pb2_grpc.AssetServiceStub(self.channel).UpdateAsset(with_request_id(request, str(self.day)))

    def _renew_registration(self, pledge: str, until: str) -> None:
        change = loan_pb2.Pledge(name=pledge, registration_expire_date=date_message("value", until))
        mask = FieldMask(paths=["registration_expire_date"])
        self.loans.UpdatePledge(with_request_id(loan_pb2.UpdatePledgeRequest(pledge=change, update_mask=mask)))

    def _pledge(self, pledge_id: str) -> None:
        (pledge,) = (row.values for row in table("pledges") if row.values["pledge_id"] == pledge_id)
        loan = self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{pledge['loan']}"))
        self.loans.PledgeAsset(with_request_id(messages.pledge_request(pledge, loan.currency_code)))

    def _acknowledge(self, loan_id: str, note: str) -> None:
        stub = breach_pb2_grpc.BreachServiceStub(self.channel)
        request = breach_pb2.ListBreachesRequest(parent=f"loans/{loan_id}", filter="state = OPEN")
        for breach in stub.ListBreaches(request).breaches:
            if breach_pb2.BREACH_STEP_ACKNOWLEDGE not in breach.next_steps:
                continue
            acknowledgement = breach_pb2.AcknowledgeBreachRequest(name=breach.name, actor="risk desk", note=note)
            stub.AcknowledgeBreach(with_request_id(acknowledgement, str(self.day)))

    def _reserve_rent(self, loan_id: str, amount: str, note: str) -> None:
        loan = self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{loan_id}"))
        reserve = borrowing_base_pb2.Reserve(
            kind=borrowing_base_pb2.RESERVE_KIND_RENT,
            amount=messages.money(amount, loan.currency_code, "value"),
            owner="credit desk",
            reason=note,
            first_date=_date_message(self.day),
        )
        request = borrowing_base_pb2.CreateReserveRequest(parent=loan.name, reserve=reserve, reserve_id="rent")
        borrowing_base_pb2_grpc.BorrowingBaseServiceStub(self.channel).CreateReserve(with_request_id(request))
