"""Every list has a filter on listed fields, and a filter selects the rows whose messages have the value."""

import importlib
import json
import pkgutil
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money
from sqlalchemy import select

import collateral_registry.v1
from collateral_registry.clock import wall_clock
from collateral_registry.domain.filters.expressions import Operator
from collateral_registry.domain.filters.fields import (
    Amount,
    Boolean,
    Day,
    EncodedName,
    Enum,
    Id,
    Measure,
    Number,
    Reference,
    Text,
    Time,
)
from collateral_registry.rpc.common.filtering import FILTER_FIELDS
from collateral_registry.store.engine.database import Database
from collateral_registry.store.schema.receivables import PoolChangeRow
from collateral_registry.store.schema.stock import StockChangeRow
from collateral_registry.v1 import (
    asset_pb2,
    borrowing_base_pb2,
    borrowing_base_pb2_grpc,
    certificate_pb2,
    certificate_pb2_grpc,
    equipment_pb2,
    equipment_pb2_grpc,
    ip_pb2,
    ip_pb2_grpc,
    loan_pb2,
    warehouse_pb2,
)
from tests.rpc.stock.test_ledger import record, stock_movement
from tests.support.books import fill_book, open_empty_book
from tests.support.invoicing import LedgerClient, invoice_entry
from tests.support.pool_client import register_debtors
from tests.support.postgres import wait_until
from tests.support.pushing import HAPPENED_US
from tests.support.server import Client, Server, calendar, connected, details_of, money, repository

for found in pkgutil.iter_modules(collateral_registry.v1.__path__):
    importlib.import_module(f"collateral_registry.v1.{found.name}")
FILES = [
    module.DESCRIPTOR
    for name, module in vars(collateral_registry.v1).items()
    if name.endswith("_pb2") and hasattr(module, "DESCRIPTOR")
]
METHODS = {
    method.name: method for file in FILES for service in file.services_by_name.values() for method in service.methods
}
LISTS = sorted(name for name in METHODS if name.startswith("List"))
PARENTS = {
    "ListAppraisals": "assets/machine-1",
    "ListBreaches": "loans/-",
    "ListCertificates": "loans/-",
    "ListCountedLots": "warehouses/W-1",
    "ListInvoices": "assets/acme",
    "ListOverrides": "loans/-",
    "ListPickups": "loans/-",
    "ListPledges": "loans/-",
    "ListPrices": "priceSeries/copper",
    "ListRejectedEntries": "invoiceFeeds/-",
    "ListRejectedMovements": "stockFeeds/-",
    "ListReserves": "loans/-",
    "ListRightEvents": "assets/patent-1",
    "ListValuations": "assets/lot-1",
}
PATHS = {
    "loan": ("loan", "name"),
    "number": ("number", "name"),
    "good": ("good", "inventory.good", "movement.good"),
    "warehouse": ("warehouse", "inventory.warehouse", "movement.warehouse"),
    "lot": ("lot", "movement.lot"),
    "feed": ("stock_feed", "invoice_feed", "name"),
    "movement": ("movement.movement_id",),
    "entry": ("entry.entry_id",),
    "series": ("price_series",),
    "currency_code": (
        "currency_code",
        "cover.exposure.currency_code",
        "after.exposure.currency_code",
        *(
            f"{amount}.currency_code"
            for amount in (
                "amount",
                "entry.amount",
                "open_amount",
                "market_claim",
                "market_value",
                "last_good_market_value",
            )
        ),
    ),
    "name": ("name",),
}
"""Paths at which a message has a field, if not under its own name; the first one that the message has."""

SUMMARIES = {"GetLoanFacets", "GenerateConcentrationReport"}
"""Methods that select loans by a filter and return no loans."""

UNSEEN = {
    "ListAssets": {"kind", "warehouse"},
    "ListInvoices": {"rule"},
    "ListLoans": {"exposure"},
    "ListMovements": {"warehouse", "lot"},
    "ListValuations": {"currency_code"},
    "ListReserves": {"currency_code"},
    "ListWarehouses": {"late_count"},
    "GenerateBreachReport": {"loan", "number"},
    "GenerateDifferenceReport": {"level", "coverage", "level_before", "coverage_before"},
    "GenerateLtvReport": {"ltv", "good", "warehouse", "asset_class", "unknown_reason", "quality_flag"},
}
"""Fields that are not in the messages as such, or that have another meaning."""


def test_every_list_has_a_filter_and_documents_exactly_its_fields():
    takes_filter = {name for name, method in METHODS.items() if "filter" in method.input_type.fields_by_name}
    protos = "".join(path.read_text() for path in sorted((repository() / "protos/collateral_registry/v1").iterdir()))

    assert not set(LISTS) - takes_filter
    assert takes_filter == set(FILTER_FIELDS)
    for name, fields in FILTER_FIELDS.items():
        (body,) = re.findall(rf"message {name}Request {{\n(.*?)\n}}", protos, re.DOTALL)
        (comment,) = re.findall(r"((?:  //[^\n]*\n)+)  string filter =", body)
        documented = re.search(r"Filter \(docs/filters\.md\) on ([a-z_, ]+)\.", re.sub(r"\s+//\s*", " ", comment))
        assert documented is not None, name
        assert documented[1].split(", ") == list(fields), name


def test_names_of_enumerations_are_those_of_the_contract():
    known = {value.name for file in FILES for kind in file.enum_types_by_name.values() for value in kind.values}
    for method, fields in FILTER_FIELDS.items():
        for field, kind in fields.items():
            if isinstance(kind, Enum) and kind.prefix:
                assert {f"{kind.prefix}{name}" for name in kind.values} <= known, (method, field)


@dataclass
class Lists:
    """The lists of a server."""

    client: Client

    def rows(self, method: str, filter_: str = "") -> list[Message]:
        """Returns the rows of a list."""
        answer = (
            self.answer(method, filter_)
            if method == "StreamLtvReport"
            else self.answer(method, filter_, page_size=1_000)
        )
        (rows,) = (field for field in answer.DESCRIPTOR.fields if field.message_type and field.name in ROWS[method])
        return list(getattr(answer, rows.name))

    def answer(self, method: str, filter_: str = "", **paging: object) -> Message:
        """Calls a method; a stream gives its first message."""
        found = METHODS[method]
        module = importlib.import_module(f"collateral_registry.v1.{found.input_type.file.name[:-6].split('/')[-1]}_pb2")
        request = getattr(module, found.input_type.name)(filter=filter_, **paging)
        if method in PARENTS:
            request.parent = PARENTS[method]
        if method == "ListComingFees":
            request.days_ahead = 3_000
        if method == "GenerateDifferenceReport":
            request.before.sequence = 1
        answer_of = getattr(module, found.output_type.name).FromString
        path = f"/{found.containing_service.full_name}/{method}"
        if found.server_streaming:
            stream = self.client.channel.unary_stream(
                path, request_serializer=type(request).SerializeToString, response_deserializer=answer_of
            )
            return next(stream(request))
        call = self.client.channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer_of
        )
        return call(request)


NO_ROWS = {"totals", "concentrations", "market_date", "before", "after", "reporting_total", "sums"}
"""Messages in responses of lists that are not their rows."""

ROWS = {
    name: {field.name for field in METHODS[name].output_type.fields if field.message_type and field.name not in NO_ROWS}
    for name in FILTER_FIELDS
}


@pytest.fixture(scope="module")
def lists(request, tmp_path_factory) -> Iterator[Lists]:
    """A server with rows in most lists, on each engine."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('lists') / 'book.db'}"
        shutil.copy(request.getfixturevalue("prepared_file"), url.removeprefix("sqlite:///"))
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.copy_database(request.getfixturevalue("prepared_database"))
    database = open_empty_book(url)
    fill_book(database)
    database.close()
    running = Server(url).start()
    with connected(running) as client:
        add_rows(client)
        wait_until(lambda: not has_pending_changes(url))
        yield Lists(client)
    running.stop()
    if request.param == "postgresql":
        cluster.drop_database(url)


def has_pending_changes(url: str) -> bool:
    """Returns whether movements or entries are not yet applied, which would change rows during a test."""
    database = Database(url, wall_clock)
    with database.read() as connection:
        queues = [select(key).limit(1) for key in (StockChangeRow.change_key, PoolChangeRow.change_key)]
        found = any(connection.execute(queue).first() is not None for queue in queues)
    database.close()
    return found


def add_rows(client: Client) -> None:
    """Adds a transfer, a rejected movement, a count, an appraisal, a right event, a pick-up and a findings."""
    transfer = stock_movement("move-1", "TRANSFER", "5", to_warehouse="W 2", to_lot='L"%_2', document="50% \\ _")
    record(client, stock_movement("in-1", "RECEIPT", "150"), transfer, stock_movement("out-9", "ISSUE", "1000"))
    LedgerClient(client).record(
        invoice_entry("i-1", "INVOICE", 900, "A 1", type_code=380),
        invoice_entry("p-1", "PAYMENT", 100, "A 1", document="50% \\ _"),
        invoice_entry("p-2", "PAYMENT", 100, "A 2", debtor="lei:529900T8BM49AURSDO55"),
    )
    register_debtors(client, ("owner", "delta"))
    pool = asset_pb2.ReceivablePool(invoice_feed="invoiceFeeds/erp", owner_debtor="debtors/owner")
    acme = asset_pb2.Asset(owner="Acme", asset_class="receivable.trade", currency_code="USD", receivable_pool=pool)
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=acme, asset_id="acme"))
    counted = Timestamp()
    counted.FromMicroseconds(HAPPENED_US + 1_000_000)
    line = warehouse_pb2.CountLine(lot="L-1", good="copper", unit="t", quantity=DecimalMessage(value="100"))
    count = warehouse_pb2.StockCount(
        count_time=counted, method=warehouse_pb2.COUNT_METHOD_PHYSICAL_COUNT, lines=[line], document="R-7"
    )
    client.warehouses.RecordInspection(
        warehouse_pb2.RecordInspectionRequest(warehouse="warehouses/W-1", count=count, actor="inspector")
    )
    appraisal = equipment_pb2.Appraisal(
        appraiser="Bee",
        date=calendar(date(2022, 1, 3)),
        basis=equipment_pb2.APPRAISAL_BASIS_FMV,
        amount=money("9", "EUR"),
    )
    equipment_pb2_grpc.EquipmentServiceStub(client.channel).RecordAppraisal(
        equipment_pb2.RecordAppraisalRequest(parent="assets/machine-1", appraisal=appraisal)
    )
    event = ip_pb2.RightEvent(kind=ip_pb2.RIGHT_EVENT_KIND_DISPUTED, date=calendar(date(2022, 1, 4)))
    ip_pb2_grpc.IpServiceStub(client.channel).RecordRightEvent(
        ip_pb2.RecordRightEventRequest(parent="assets/patent-1", right_event=event)
    )
    client.register_loan("with-base", borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    reserve = borrowing_base_pb2.Reserve(
        kind=borrowing_base_pb2.RESERVE_KIND_RENT,
        owner="Ana",
        reason="rent",
        amount=money("9"),
        first_date=calendar(date(2022, 1, 4)),
    )
    borrowing_base_pb2_grpc.BorrowingBaseServiceStub(client.channel).CreateReserve(
        borrowing_base_pb2.CreateReserveRequest(parent="loans/with-base", reserve_id="r-1", reserve=reserve)
    )
    certificate = certificate_pb2.Certificate(
        period_end_date=calendar(date(2022, 1, 31)), due_date=calendar(date(2022, 2, 15))
    )
    certificate_pb2_grpc.CertificateServiceStub(client.channel).CreateCertificate(
        certificate_pb2.CreateCertificateRequest(
            parent="loans/with-base", certificate_id="january", certificate=certificate
        )
    )


def at(message: Message, field: str) -> object:
    """Returns the value of a field in a message; None if it is absent."""
    for path in PATHS.get(field, (field, f"cover.{field}", f"movement.{field}", f"entry.{field}")):
        found: object = message
        for part in path.split("."):
            if not isinstance(found, Message) or part not in found.DESCRIPTOR.fields_by_name:
                found = MISSING
                break
            is_set = not found.DESCRIPTOR.fields_by_name[part].has_presence or found.HasField(part)
            found = getattr(found, part) if is_set else None
            if found is None:
                break
        if found is not MISSING:
            return found
    raise AssertionError(f"{message.DESCRIPTOR.name} has no {field}")


MISSING = object()


def plain(method: str, field: str, message: Message) -> Any:
    """Returns the value of a field of a row as Python compares it; None if it is absent."""
    kind, value = FILTER_FIELDS[method][field], at(message, field)
    if isinstance(kind, Id):
        parts = str(value or "").split("/")
        return parts[parts.index(kind.collection) + 1] if value else None
    if isinstance(kind, Reference):
        return str(value).removeprefix(f"{kind.collection}/")
    if isinstance(kind, EncodedName):
        return unquote(str(value).removeprefix("warehouses/"))
    if isinstance(kind, Enum) and isinstance(value, int):
        (wire,) = {one.enum_type for one in fields_named(message, field) if one.enum_type}
        name: str = wire.values_by_number[value].name.removeprefix(kind.prefix)
        return name if name in kind.values else None  # 0 of an enum without such a value: not stated
    if isinstance(kind, Number) and isinstance(value, str):
        return Decimal(value.rpartition("/")[2])
    return as_python(value)


def as_python(value: object) -> object:
    """Returns a value of a message as Python compares it."""
    match value:
        case Date():
            return date(value.year, value.month, value.day)
        case Timestamp():
            return value.ToDatetime(UTC)
        case Money():
            return Decimal(value.units) + Decimal(value.nanos) / 10**9, value.currency_code
        case DecimalMessage():
            return Decimal(value.value)
        case _:
            return Decimal(value) if type(value) is int else value


def fields_named(message: Message, name: str) -> list[Any]:
    """Returns the fields with a name in a message and in its cover, movement or entry."""
    inner = [field.message_type for field in message.DESCRIPTOR.fields if field.name in {"cover", "movement", "entry"}]
    kinds = [message.DESCRIPTOR, *(kind for kind in inner if kind)]
    return [kind.fields_by_name[name] for kind in kinds if name in kind.fields_by_name]


def literal(value: object) -> str:
    """Returns a value as a filter has it."""
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return f'"{value[0]} {value[1]}"'
        case Decimal():
            return f"{value:f}"
        case datetime() | date():
            return value.isoformat()
        case _:
            return json.dumps(value, ensure_ascii=False)


SQLITE = pytest.mark.parametrize("lists", ["sqlite"], indirect=True)
BOTH = pytest.mark.parametrize("lists", ["sqlite", "postgresql"], indirect=True)
FILTERED = sorted(set(FILTER_FIELDS) - {"PreviewRevaluation", "StreamLtvReport", *SUMMARIES})


@SQLITE
@pytest.mark.parametrize("method", FILTERED)
def test_a_filter_selects_the_rows_whose_messages_have_the_value(lists, method):
    everything = lists.rows(method)
    for field, kind in FILTER_FIELDS[method].items():
        if field in UNSEEN.get(method, ()):
            continue
        values = [plain(method, field, row) for row in everything]

        def meeting(is_met, values=values):
            return [row for row, value in zip(everything, values, strict=True) if is_met(value)]

        assert lists.rows(method, f"{field}:*") == meeting(lambda value: value not in {None, ""}), field
        stated = sorted({value for value in values if value is not None})
        for value in {*stated[:1], *stated[-1:]}:
            written = literal(value)
            if Operator.EQUAL in kind.operators:
                assert lists.rows(method, f"{field} = {written}") == meeting(lambda found, value=value: found == value)
            if Operator.IN in kind.operators:
                without = lists.rows(method, f"NOT {field} IN ({written})")
                assert without == meeting(lambda found, value=value: found != value), field
            if Operator.LESS in kind.operators and not isinstance(kind, Enum | Measure):
                above = lists.rows(method, f"{field} > {written}")
                assert above == meeting(lambda found, value=value: is_above(found, value)), field


def is_above(found: Any, value: Any) -> bool:
    """Returns whether a value is present and larger; amounts are compared within a currency."""
    if found is None or (isinstance(value, tuple) and found[1] != value[1]):
        return False
    return found > value


@BOTH
@pytest.mark.parametrize("method", sorted(FILTER_FIELDS))
def test_every_operator_of_every_field_is_executed(lists, method):
    samples = {
        Text: '"a"',
        Id: "a",
        Reference: "a",
        EncodedName: "a",
        Boolean: "true",
        Day: "2022-01-01",
        Number: "1.5",
        Measure: "1.5",
    }
    samples |= {Time: "2022-01-01T00:00:00Z", Amount: '"1.50 USD"'}
    terms = []
    for field, kind in FILTER_FIELDS[method].items():
        value = next(iter(kind.values)) if isinstance(kind, Enum) else samples[type(kind)]
        forms = {
            Operator.IN: f"{field} IN ({value}, {value})",
            Operator.PREFIX: f"{field}:a*",
            Operator.PRESENT: f"{field}:*",
        }
        terms += [forms.get(operator, f"{field} {operator} {value}") for operator in kind.operators]
    for chunk in range(0, len(terms), 60):
        lists.answer(method, " OR ".join(f"NOT {term}" for term in terms[chunk : chunk + 60]))


@SQLITE
@pytest.mark.parametrize("method", FILTERED)
def test_a_page_token_is_valid_only_for_its_list_and_filter(lists, method):
    """A list of one row has no token of its own, so it must refuse that of another list."""
    field = next(iter(FILTER_FIELDS[method]))
    own = lists.answer(method, page_size=1).next_page_token
    token = own or lists.answer("ListAssets", page_size=1).next_page_token
    assert token
    with pytest.raises(grpc.RpcError) as refused:
        lists.answer(method, f"{field}:*", page_size=1, page_token=token)
    assert details_of(refused.value)[1] == ["page_token"]


@SQLITE
def test_an_infinite_ltv_is_larger_than_every_number(lists):
    (infinite,) = [row for row in lists.rows("GenerateLtvReport") if row.cover.ltv_infinite]

    assert infinite in lists.rows("GenerateLtvReport", "ltv > 1000000")
    assert infinite not in lists.rows("GenerateLtvReport", "ltv < 1000000")


@SQLITE
def test_a_transfer_is_found_by_either_place_but_not_by_a_mixture_of_them(lists):
    def moves(filter_):
        return [row.movement.movement_id for row in lists.rows("ListMovements", filter_)]

    assert moves('warehouse = "W-1"') == ["move-1", "in-1"]
    assert moves('warehouse = "W 2"') == moves("warehouse = warehouses/W%202") == ["move-1"]
    assert moves('warehouse = "W-1" AND lot = "L-1"') == ["move-1", "in-1"]
    assert moves('warehouse = "W-1" AND NOT lot = "L-1"') == []
    assert moves('warehouse = "W 2" AND lot = "L\\"%_2"') == ["move-1"]
    assert moves('kind = RECEIPT OR lot:"L\\"%*"') == ["move-1", "in-1"]
    assert moves('kind = TRANSFER AND (lot = "L-1" OR warehouse = "nowhere")') == ["move-1"]


@SQLITE
def test_prices_are_listed_by_a_range_of_dates(lists):
    first, last = date(2021, 11, 1), date(2021, 11, 30)
    listed = lists.rows("ListPrices")
    within = [row for row in listed if first <= as_python(row.date) <= last]

    found = lists.answer("ListPrices", start_date=calendar(first), end_date=calendar(last)).prices
    assert list(found) == within
    assert lists.rows("ListPrices", f"date >= {first} AND date <= {last}") == within
    with pytest.raises(
        grpc.RpcError, match=r"start_date: got 2021-11-30, want a date not after end_date, which is 2021-11-01"
    ):
        lists.answer("ListPrices", start_date=calendar(last), end_date=calendar(first))
