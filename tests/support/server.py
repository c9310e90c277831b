"""A real server in its own process, and a client for it."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal as Number
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import grpc
import numpy as np
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.config import PREFIX
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    breach_pb2_grpc,
    business_date_pb2,
    business_date_pb2_grpc,
    concentration_pb2_grpc,
    difference_pb2_grpc,
    facets_pb2_grpc,
    finding_pb2_grpc,
    forecast_pb2_grpc,
    haircut_pb2_grpc,
    history_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
    report_pb2_grpc,
    stock_ledger_pb2_grpc,
    stock_pb2_grpc,
    valuation_pb2,
    valuation_pb2_grpc,
    warehouse_pb2_grpc,
)
from tests.support.launch import Launched, spawned
from tests.support.postgres import wait_until

FIRST_DAY = date(2021, 12, 31)


def free_port() -> int:
    """Returns an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server process on a database. One with variables that are no settings is started as users do."""

    launch: ClassVar[Callable[[Sequence[str], Mapping[str, str], Path], Launched]] = staticmethod(spawned)
    """Starts a process; the tests replace it by a fork."""

    def __init__(
        self,
        url: str,
        business_date: str = FIRST_DAY.isoformat(),
        environment: Mapping[str, str] = MappingProxyType({}),
        processes: int = 1,
        options: Sequence[str] = (),
    ) -> None:
        self.url = url
        self.processes = processes
        self.business_date = business_date
        self.environment = environment
        self.options = options
        # A file and not a pipe: a full pipe would block the server.
        self.output = tempfile.NamedTemporaryFile()  # noqa: SIM115 - open as long as the server
        self.address = f"127.0.0.1:{free_port()}"
        self.process: Launched | None = None

    def start(self, service: str = "") -> "Server":
        """Starts the process and waits until a service is healthy; the empty name stands for the whole server."""
        arguments = ["serve", "--address", self.address, *(["--database", self.url] if self.url else [])]
        arguments += ["--business-date", self.business_date] if self.business_date else []
        arguments += ["--processes", str(self.processes)]
        arguments += self.options
        # The cluster of the tests has fsync off.
        environment = {"COLLATERAL_ALLOW_UNSAFE_STORAGE": "true", **self.environment}
        is_forkable = all(name.startswith(PREFIX) for name in self.environment)
        launch = Server.launch if is_forkable else spawned
        self.process = launch(arguments, environment, Path(self.output.name))
        with ExitStack() as undone:
            undone.callback(self.stop, signal.SIGKILL)  # else a server that never became healthy would stay
            wait_until(lambda: self._healthy(service))
            undone.pop_all()
        return self

    def _healthy(self, service: str) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server stopped: {self.said}")
        with grpc.insecure_channel(self.address) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service=service), timeout=1
                )
            except grpc.RpcError:
                return False
            return answer.status == health_pb2.HealthCheckResponse.SERVING

    @property
    def said(self) -> str:
        """Output of the server since its first start."""
        self.output.seek(0)
        return self.output.read().decode()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stops the process and returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(20)


@dataclass
class Client:
    """Stubs of every service on one channel."""

    channel: grpc.Channel

    def __post_init__(self) -> None:
        self.assets = asset_pb2_grpc.AssetServiceStub(self.channel)
        self.prices = price_pb2_grpc.PriceServiceStub(self.channel)
        self.haircuts = haircut_pb2_grpc.HaircutServiceStub(self.channel)
        self.forecasts = forecast_pb2_grpc.ForecastServiceStub(self.channel)
        self.policies = policy_pb2_grpc.PolicyServiceStub(self.channel)
        self.valuations = valuation_pb2_grpc.ValuationServiceStub(self.channel)
        self.loans = loan_pb2_grpc.LoanServiceStub(self.channel)
        self.breaches = breach_pb2_grpc.BreachServiceStub(self.channel)
        self.history = history_pb2_grpc.HistoryServiceStub(self.channel)
        self.concentrations = concentration_pb2_grpc.ConcentrationServiceStub(self.channel)
        self.facets = facets_pb2_grpc.FacetServiceStub(self.channel)
        self.reports = report_pb2_grpc.ReportServiceStub(self.channel)
        self.differences = difference_pb2_grpc.DifferenceServiceStub(self.channel)
        self.stock = stock_pb2_grpc.StockServiceStub(self.channel)
        self.ledger = stock_ledger_pb2_grpc.StockLedgerServiceStub(self.channel)
        self.warehouses = warehouse_pb2_grpc.WarehouseServiceStub(self.channel)
        self.findings = finding_pb2_grpc.FindingServiceStub(self.channel)
        self.dates = business_date_pb2_grpc.BusinessDateServiceStub(self.channel)

    def advance(self, day: date) -> None:
        """Moves the business date."""
        self.dates.AdvanceBusinessDate(business_date_pb2.AdvanceBusinessDateRequest(date=calendar(day)))

    def change_classes(self, policy_id: str, *, added: Sequence[str] = (), removed: Sequence[str] = ()) -> None:
        """Activates the newest policy with more classes, which inherit all numbers, and without others."""
        policy = self.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
        kept = [one for one in policy.classes if one.asset_class not in removed]
        del policy.classes[:]
        policy.classes.extend([*kept, *(policy_pb2.ClassPolicy(asset_class=name) for name in added)])
        policy.effective_date.CopyFrom(calendar(FIRST_DAY))
        self.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id=policy_id))
        self.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name=f"policies/{policy_id}"))

    def open_copper(self, series: str = "copper") -> None:
        """Opens a copper series in dollars a tonne."""
        message = price_pb2.PriceSeries(good="copper", unit="t", currency_code="USD", max_age_days=10)
        self.prices.CreatePriceSeries(price_pb2.CreatePriceSeriesRequest(price_series=message, price_series_id=series))

    def quote(self, price: str, day: date, series: str = "copper") -> price_pb2.IngestPricesResponse:
        """Ingests one price."""
        return self.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=[observation(series, day, price)]))

    def quote_history(self, last: float = 10_000.0, days: int = 300, series: str = "copper") -> None:
        """Ingests a calm price history that ends at a price on the first day."""
        moves = np.random.default_rng(11).normal(0, 0.01, days - 1)
        path = last * np.exp(np.cumsum(moves[::-1])[::-1])
        dates = np.busday_offset(FIRST_DAY, -np.arange(1, days), roll="backward")[::-1].astype(object)
        found = [observation(series, day, f"{price:.2f}") for day, price in zip(dates, path, strict=True)]
        found.append(observation(series, FIRST_DAY, f"{last:.2f}"))
        self.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=found))

    def register_lot(self, asset_id: str = "lot-1", quantity: str = "100", **fields: object) -> asset_pb2.Asset:
        """Registers a copper lot."""
        message = copper_lot(quantity, lot=asset_id.upper())
        for name, value in fields.items():
            setattr(message, name, value)
        return self.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id=asset_id))

    def register_loan(self, loan_id: str = "loan-1", currency: str = "USD", **fields: object) -> loan_pb2.Loan:
        """Registers a loan without debt."""
        message = loan_pb2.Loan(
            borrower="Acme Metals",
            currency_code=currency,
            principal=money("0", currency),
            balance_date=calendar(FIRST_DAY),
            **fields,
        )
        return self.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=message, loan_id=loan_id))

    def pledge(
        self, loan_id: str = "loan-1", asset_id: str = "lot-1", pledge_id: str = "p-1", **fields: object
    ) -> loan_pb2.Pledge:
        """Pledges an asset to a loan, by default with a registration."""
        number = f"{loan_id}-{asset_id}-{pledge_id}"
        named = {"registry": "notice registry", "registration_number": number, **fields}
        message = loan_pb2.Pledge(asset=f"assets/{asset_id}", **named)
        request = loan_pb2.PledgeAssetRequest(parent=f"loans/{loan_id}", pledge=message, pledge_id=pledge_id)
        return self.loans.PledgeAsset(request)

    def owe(
        self, amount: str, loan_id: str = "loan-1", day: date = FIRST_DAY, currency: str = "USD"
    ) -> loan_pb2.UpdateBalancesResponse:
        """Pushes the balance of a loan."""
        update = loan_pb2.BalanceUpdate(
            loan=f"loans/{loan_id}", principal=money(amount, currency), balance_date=calendar(day)
        )
        return self.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[update]))

    def loan(self, loan_id: str = "loan-1") -> loan_pb2.Loan:
        """Returns a loan with its cover."""
        return self.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{loan_id}"))

    def recorded_valuations(self, asset_id: str) -> list[valuation_pb2.Valuation]:
        """Returns the first page of the valuations of an asset, newest first."""
        request = valuation_pb2.ListValuationsRequest(parent=f"assets/{asset_id}")
        return list(self.valuations.ListValuations(request).valuations)

    def covered_loan(self) -> None:
        """Registers a loan of 500,000 dollars secured by 100 t of copper at 10,000."""
        self.open_copper()
        self.quote_history()
        self.register_lot()
        self.register_loan()
        self.pledge()
        self.owe("500000")


@contextmanager
def connected(server: Server) -> Iterator[Client]:
    """Provides stubs on a new channel to a server."""
    with grpc.insecure_channel(server.address) as channel:
        yield Client(channel)


def copper_lot(quantity: str = "100", lot: str = "L-1", unit: str = "t", warehouse: str = "W-1") -> asset_pb2.Asset:
    """Returns a copper lot as a message."""
    inventory = asset_pb2.Inventory(
        good="copper", quantity=Decimal(value=quantity), unit=unit, warehouse=warehouse, lot=lot
    )
    return with_papers(
        asset_pb2.Asset(
            owner="Acme Metals", asset_class="inventory.base_metal", currency_code="USD", inventory=inventory
        )
    )


def with_papers(asset: asset_pb2.Asset, inspected: date = FIRST_DAY) -> asset_pb2.Asset:
    """Returns the asset insured and inspected, as the default policy requires."""
    asset.insurance_expire_date.CopyFrom(calendar(date(2035, 12, 31)))
    asset.last_inspection_date.CopyFrom(calendar(inspected))
    return asset


def observation(series: str, day: date, price: str) -> price_pb2.PriceObservation:
    """Returns a price as a message."""
    return price_pb2.PriceObservation(
        price_series=f"priceSeries/{series}", date=calendar(day), price=Decimal(value=price)
    )


def calendar(day: date) -> Date:
    """Returns a date as a message."""
    return Date(year=day.year, month=day.month, day=day.day)


def money(amount: str, currency: str = "USD") -> Money:
    """Returns an amount as a message."""
    units, _, fraction = amount.partition(".")
    return Money(currency_code=currency, units=int(units), nanos=int(fraction.ljust(9, "0")) if fraction else 0)


def details_of(error: grpc.RpcError) -> tuple[ErrorInfo, list[str]]:
    """Returns the ErrorInfo of an error, and the fields that its BadRequest names."""
    trailing = dict(error.trailing_metadata())
    status = Status.FromString(trailing["grpc-status-details-bin"])
    infos, fields = [], []
    for detail in status.details:
        assert isinstance(detail, AnyMessage)
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(info):
            infos.append(info)
        if detail.Unpack(bad):
            fields += [violation.field for violation in bad.field_violations]
    assert len(infos) == 1, "every error carries exactly one ErrorInfo"
    return infos[0], fields


def repository() -> Path:
    """Returns the root of the repository."""
    return Path(__file__).parents[2]


def value_of(client: Client, name: str, currency: str = "") -> valuation_pb2.Valuation:
    """Returns the present value of an asset, by its id."""
    request = valuation_pb2.ValueAssetsRequest(names=[f"assets/{name}"], currency_code=currency)
    return client.valuations.ValueAssets(request).valuations[0]


def amount(message: Money) -> Number:
    """Returns an amount in major units."""
    return Number(message.units) + Number(message.nanos).scaleb(-9)
