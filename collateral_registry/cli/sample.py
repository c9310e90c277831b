"""The sample book: loaded as of the end of 2021, then replayed day by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collateral_registry.cli import rows
from collateral_registry.cli.bring import bring_rows
from collateral_registry.cli.rows import NumberedRow
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    breach_pb2,
    breach_pb2_grpc,
    business_date_pb2,
    business_date_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
)

OPENING = "2021-12-31"
LAST = "2022-12-30"


def table(name: str) -> list[NumberedRow]:
    """The rows of one of the sample's files."""
    with files("collateral_registry.sample").joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        return list(rows.read_rows(file))


def load(channel: grpc.Channel) -> None:
    """Series, prices, assets, undrawn loans and pledges, then the balances: collateral before money, as in life."""
    known = [row for row in table("prices") if row.values["date"] <= OPENING]
    rates = [row for row in table("fx") if row.values["date"] <= OPENING]
    loans = table("loans")
    undrawn = [
        NumberedRow(row.line, {**row.values, "principal": "", "accrued_interest": "", "fees": ""}) for row in loans
    ]
    pledged = [row for row in table("pledges") if row.values["registered"] <= OPENING]
    parts = (
        ("series", table("series")),
        ("fx", rates),
        ("prices", known),
        ("assets", table("assets")),
        ("loans", undrawn),
        ("pledges", pledged),
    )
    for facts, numbered in parts:
        tally = bring_rows(channel, facts, numbered, f"sample-{facts}")
        if tally.problems:
            raise ValueError(f"sample {facts}: {tally.problems[0]}")
    balances = [rows.balance_update(row.values) for row in loans]
    request = loan_pb2.UpdateBalancesRequest(balances=balances, request_id="sample-balances")
    loan_pb2_grpc.LoanServiceStub(channel).UpdateBalances(request)


def replay(channel: grpc.Channel, until: str = LAST) -> None:
    """Moves the business date day by day, bringing each day's rates, prices and borrower actions."""
    dates = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    now = dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).date
    first = date(now.year, now.month, now.day) + timedelta(days=1)
    last = date.fromisoformat(until)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    days = [day for day in days if day.weekday() < 5]
    by_day = {name: _by_day(table(name)) for name in ("prices", "fx", "timeline")}
    actions = Actions(channel)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("replaying 2022", total=len(days))
        for day in days:
            dates.AdvanceBusinessDate(business_date_pb2.AdvanceBusinessDateRequest(date=_message(day)))
            _bring_day(channel, by_day, day.isoformat())
            for row in by_day["timeline"].get(day.isoformat(), []):
                actions.act(day, row.values)
            progress.update(task, advance=1, description=f"replaying {day}")


def _by_day(numbered: list[NumberedRow]) -> dict[str, list[NumberedRow]]:
    groups: dict[str, list[NumberedRow]] = {}
    for row in numbered:
        groups.setdefault(row.values["date"], []).append(row)
    return groups


def _bring_day(channel: grpc.Channel, by_day: Mapping[str, Mapping[str, list[NumberedRow]]], day: str) -> None:
    prices = price_pb2_grpc.PriceServiceStub(channel)
    rates = [rows.fx_rate(row.values) for row in by_day["fx"].get(day, [])]
    if rates:
        prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))
    quotes = [rows.price_observation(row.values) for row in by_day["prices"].get(day, [])]
    if quotes:
        prices.IngestPrices(price_pb2.IngestPricesRequest(observations=quotes))


def _message(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


class Actions:
    """What borrowers and the bank do in the sample's story."""

    def __init__(self, channel: grpc.Channel) -> None:
        """Acts on the server behind the channel."""
        self.assets = asset_pb2_grpc.AssetServiceStub(channel)
        self.loans = loan_pb2_grpc.LoanServiceStub(channel)
        self.breaches = breach_pb2_grpc.BreachServiceStub(channel)
        self.pledges = {row.values["pledge_id"]: row.values for row in table("pledges")}

    def act(self, day: date, row: rows.Row) -> None:
        """Does one row of the story; raises ValueError for an action it does not know."""
        action, target, value = row["action"], row["target"], row["value"]
        if action == "repay":
            self._change_principal(day, target, -Decimal(value))
        elif action == "draw":
            self._change_principal(day, target, Decimal(value))
        elif action == "quantity":
            self._set(
                target, asset_pb2.Asset(inventory=asset_pb2.Inventory(quantity={"value": value})), "inventory.quantity"
            )
        elif action == "insure":
            self._set(
                target,
                asset_pb2.Asset(insurance_expire_date=_message(date.fromisoformat(value))),
                "insurance_expire_date",
            )
        elif action == "status":
            right = asset_pb2.IntellectualProperty(legal_status=f"LEGAL_STATUS_{value}")
            self._set(target, asset_pb2.Asset(intellectual_property=right), "intellectual_property.legal_status")
        elif action == "inspect":
            self._set(target, asset_pb2.Asset(last_inspection_date=_message(day)), "last_inspection_date")
        elif action == "register":
            self._renew_registration(target, value)
        elif action == "pledge":
            pledge = self.pledges[target]
            loan = self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{pledge['loan']}"))
            self.loans.PledgeAsset(rows.pledge_request(pledge, loan.currency_code))
        elif action == "acknowledge":
            self._acknowledge(target, row.get("note", ""))
        else:
            raise ValueError(f"action: got {action!r}, want one the sample knows")

    def _set(self, asset_id: str, change: asset_pb2.Asset, path: str) -> None:
        change.name = f"assets/{asset_id}"
        self.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=change, update_mask=FieldMask(paths=[path])))

    def _renew_registration(self, pledge: str, value: str) -> None:
        change = loan_pb2.Pledge(name=pledge, registration_expire_date=_message(date.fromisoformat(value)))
        mask = FieldMask(paths=["registration_expire_date"])
        self.loans.UpdatePledge(loan_pb2.UpdatePledgeRequest(pledge=change, update_mask=mask))

    def _change_principal(self, day: date, loan_id: str, by: Decimal) -> None:
        loan = self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{loan_id}"))
        owed = Decimal(loan.principal.units) + Decimal(loan.principal.nanos).scaleb(-9)
        principal = rows.money(str(max(owed + by, Decimal(0))), loan.currency_code, "principal")
        update = loan_pb2.BalanceUpdate(
            loan=loan.name,
            principal=principal,
            accrued_interest=loan.accrued_interest,
            fees=loan.fees,
            balance_date=_message(day),
        )
        self.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[update]))

    def _acknowledge(self, loan_id: str, note: str) -> None:
        request = breach_pb2.ListBreachesRequest(parent=f"loans/{loan_id}", filter="state = OPEN")
        for breach in self.breaches.ListBreaches(request).breaches:
            act = breach_pb2.AcknowledgeBreachRequest(name=breach.name, actor="risk desk", note=note)
            self.breaches.AcknowledgeBreach(act)
