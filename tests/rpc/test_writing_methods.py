"""validate_only writes nothing and request_id makes a retry safe, on every method that writes."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import grpc
import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import MetaData, create_engine, select

import collateral_registry.v1
from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, READING_METHODS, MethodClass
from collateral_registry.v1 import equipment_pb2, equipment_pb2_grpc, loan_pb2
from tests.support.equipment_sales import MAPPING, rows, write_sales
from tests.support.postgres import wait_until
from tests.support.server import Client, Server, connected, details_of, repository
from valuation.equipment.models.hedonic import SALES_LEAST

pytestmark = pytest.mark.slow

WITHOUT = {"PushStock": {"request_id", "validate_only"}, "FitEquipmentModel": {"request_id", "validate_only"}}
WITHOUT["ResolveRejectedMovement"] = {"request_id"}
"""Fields that a writing method lacks, which its comment in the contract explains."""

WITHOUT_COVERS = {
    "judge no loan": "CheckDoublePledge ResolveFinding",
    "start a revaluation run": "ActivatePolicy AdvanceBusinessDate StartRevaluation",
    "are applied to the book later": "PushStock RecordMovements ReportCount RecordInspection ResolveRejectedMovement",
}
"""Methods that do not state the resulting covers, by reason."""

DAY = "{year: 2021 month: 12 day: 31}"
NEXT_DAY = "{year: 2022 month: 1 day: 3}"
PAPERS = f"insurance_expire_date {{year: 2035 month: 1 day: 1}} last_inspection_date {DAY}"
COPPER = 'good: "copper" unit: "t"'
ACTOR = 'actor: "Ana" note: "seen"'
NOTICE = 'registry: "notice" registration_number: "7"}'
BREACH = 'name: "loans/loan-3/breaches/1"'
MOVED = "effective_time {seconds: 1640000000}"
COUNTED = "count_time {seconds: 1640000001} method: COUNT_METHOD_PHYSICAL_COUNT"


def lot(number: str, extra: str = "") -> str:
    inventory = f'inventory {{{COPPER} quantity {{value: "100"}} warehouse: "W-1" lot: "{number}" {extra}}}'
    return f'owner: "Acme" asset_class: "inventory.base_metal" currency_code: "USD" {PAPERS} {inventory}'


def movement(number: str, kind: str, quantity: int) -> str:
    place = f'warehouse: "W-9" lot: "N-1" {COPPER} {MOVED}'
    return f'movements {{movement_id: "{number}" kind: MOVEMENT_KIND_{kind} quantity {{value: "{quantity}"}} {place}}}'


def count(warehouse: str, number: str, quantity: int) -> str:
    lines = f'lines {{lot: "{number}" {COPPER} quantity {{value: "{quantity}"}}}}'
    return f'warehouse: "warehouses/{warehouse}" count {{{COUNTED} {lines}}}'


def balance(loan: str, owed: int) -> str:
    return f'balances {{loan: "loans/{loan}" principal {{currency_code: "USD" units: {owed}}} balance_date {DAY}}}'


def loan(loan_id: str) -> str:
    owed = 'currency_code: "USD"'
    return f'loan_id: "{loan_id}" loan {{borrower: "Acme" {owed} balance_date {DAY} principal {{{owed}}}}}'


def price(value: str, day: str = DAY) -> str:
    return f'observations {{price_series: "priceSeries/copper" date {day} price {{value: "{value}"}}}}'


def rate(value: str) -> str:
    return f'rates {{base_currency_code: "EUR" quote_currency_code: "USD" date {DAY} rate {{value: "{value}"}}}}'


OVERRIDE = 'override {reason: "agreed" release_pledge {name: "loans/loan-1/pledges/p-1" share {value: "0.9"}}}'
OPENING = [
    ("CreatePriceSeries", f'price_series_id: "copper" price_series {{{COPPER} currency_code: "USD" max_age_days: 10}}'),
    ("IngestPrices", price("10000")),
    *(("CreateAsset", f'asset_id: "lot-{n}" asset {{{lot(f"L-{n}")}}}') for n in range(1, 6)),
    *(
        ("CreateAsset", f'asset_id: "paper-{n}" asset {{{lot(f"R-{n}", f"""receipt_number: "WR-441{n}" """)}}}')
        for n in range(2)
    ),
    (
        "CreateAsset",
        f'asset_id: "machine-1" asset {{owner: "Acme" asset_class: "equipment.commodity_machine" currency_code: "USD" '
        f'{PAPERS} equipment {{make: "Okura" model: "QT" serial_number: "7" equipment_class: "metalworking_machines" '
        f'price_new {{currency_code: "USD" units: 90000}} build_date {{year: 2018 month: 3 day: 1}}}}}}',
    ),
    (
        "CreateAsset",
        'asset_id: "patent-1" asset {owner: "Acme" asset_class: "ip.patent" currency_code: "USD" '
        'intellectual_property {kind: RIGHT_KIND_PATENT office: "EP" number: "EP1" '
        "filing_date {year: 2015 month: 1 day: 1} legal_status: LEGAL_STATUS_IN_FORCE "
        'next_year_revenue {currency_code: "USD" units: 1000000} '
        'royalty_rate {value: "0.05"} tax_rate {value: "0.25"} discount_rate {value: "0.15"}}}',
    ),
    *(("CreateLoan", loan(f"loan-{n}")) for n in range(1, 4)),
    (
        "PledgeAsset",
        'parent: "loans/loan-1" pledge_id: "p-1" pledge {asset: "assets/lot-1" share {value: "0.9"} ' + NOTICE,
    ),
    ("PledgeAsset", 'parent: "loans/loan-1" pledge_id: "p-2" pledge {asset: "assets/lot-4" ' + NOTICE),
    ("UpdateBalances", f"{balance('loan-1', 500000)} {balance('loan-3', 1000)}"),
    ("RequestPickup", 'parent: "loans/loan-1" pickup_id: "u-1" asset: "assets/lot-4" quantity {value: "1"}'),
    ("ProposeOverride", f'parent: "loans/loan-1" override_id: "o-1" actor: "Ana" {OVERRIDE}'),
    ("ProposeOverride", f'parent: "loans/loan-1" override_id: "o-2" actor: "Ana" {OVERRIDE}'),
    ("CheckDoublePledge", ""),
    (
        "RecordMovements",
        f'stock_feed: "stockFeeds/acme" {movement("in-1", "RECEIPT", 9)} {movement("out-1", "ISSUE", 20)}',
    ),
    ("RecordInspection", f'actor: "Ana" {count("W-9", "N-1", 5)}'),
]
"""Requests that open the book in which every writing method has something to do."""

EXAMPLES = {
    "CreatePriceSeries": 'price_series_id: "zinc" price_series {good: "zinc" unit: "t" currency_code: "USD"}',
    "IngestPrices": price("9990"),
    "IngestFxRates": rate("1.08"),
    "CreateAsset": f'asset_id: "new" asset {{{lot("L-9")}}}',
    "BatchCreateAssets": " ".join(f'requests {{asset_id: "new-{n}" asset {{{lot(f"L-9{n}")}}}}}' for n in range(2)),
    "UpdateAsset": 'asset {name: "assets/lot-2" display_name: "B"} update_mask {paths: "display_name"}',
    "CorrectAssetIdentity": (
        'asset {name: "assets/lot-2" owner: "Beta"} update_mask {paths: "owner"} reason: "misread" actor: "Lender"'
    ),
    "RetireAsset": 'name: "assets/lot-3"',
    "RecordRightEvent": f'parent: "assets/patent-1" right_event {{kind: RIGHT_EVENT_KIND_LAPSED date {DAY}}}',
    "RecordAppraisal": f'parent: "assets/machine-1" appraisal {{appraiser: "Bo" date {DAY} basis: APPRAISAL_BASIS_FMV '
    'amount {currency_code: "USD" units: 50000}}',
    "ActivateEquipmentModel": 'name: "equipmentModels/diggers" asset_class: "equipment.diggers"',
    "CreateLoan": loan("loan-9"),
    "UpdateLoan": 'loan {name: "loans/loan-1" borrower: "Z"} update_mask {paths: "borrower"}',
    "UpdateBalances": balance("loan-1", 400000),
    "PledgeAsset": 'parent: "loans/loan-1" pledge_id: "p-9" pledge {asset: "assets/lot-5" ' + NOTICE,
    "UpdatePledge": 'pledge {name: "loans/loan-1/pledges/p-1" share {value: "1"}} update_mask {paths: "share"}',
    "ReleasePledge": 'name: "loans/loan-1/pledges/p-1" share {value: "0.1"}',
    "CloseLoan": 'name: "loans/loan-2"',
    "AcknowledgeBreach": f"{BREACH} {ACTOR}",
    "GrantGrace": f"{BREACH} {ACTOR} deadline_date {{year: 2022 month: 3 day: 1}}",
    "WaiveBreach": f"{BREACH} {ACTOR}",
    "ProposeOverride": f'parent: "loans/loan-1" override_id: "o-9" actor: "Ana" {OVERRIDE}',
    "RejectOverride": 'name: "loans/loan-1/overrides/o-2" actor: "Bo"',
    "ApproveOverride": 'name: "loans/loan-1/overrides/o-1" actor: "Bo"',
    "RequestPickup": 'parent: "loans/loan-1" pickup_id: "u-9" asset: "assets/lot-4" quantity {value: "1"}',
    "CancelPickup": 'name: "loans/loan-1/pickups/u-1"',
    "CheckDoublePledge": "",
    "ConfirmDoublePledge": f'name: "findings/1" {ACTOR}',
    "ResolveFinding": f'name: "findings/2" {ACTOR}',
    "RecordMovements": f'stock_feed: "stockFeeds/acme" {movement("in-9", "RECEIPT", 3)}',
    "ResolveRejectedMovement": f'name: "stockFeeds/acme/rejectedMovements/1" state: REJECTION_STATE_DISMISSED {ACTOR}',
    "UpdateStockFeed": 'stock_feed {name: "stockFeeds/acme" unit_spellings {key: "bag" value: "piece"}} '
    'update_mask {paths: "unit_spellings"}',
    "ReportCount": f'stock_feed: "stockFeeds/acme" {count("W-9", "N-1", 4)}',
    "RecordInspection": f'actor: "Ana" {count("W-9", "N-1", 3)}',
    "Revalue": 'names: "assets/lot-1"',
    "StartRevaluation": "",
    "CreatePolicy": "",
    "ActivatePolicy": 'name: "policies/second"',
    "AdvanceBusinessDate": f"date {NEXT_DAY}",
}
"""A request of each method that has an effect in that book, in an order in which all of them succeed."""

BESIDES = {
    "Revalue of the book": ("Revalue", ""),
    "ResolveRejectedMovement as corrected": (
        "ResolveRejectedMovement",
        f'name: "stockFeeds/acme/rejectedMovements/1" state: REJECTION_STATE_BOOKED {ACTOR} '
        + movement("out-1", "ISSUE", 1).replace("movements", "movement"),
    ),
    "IngestPrices with a price that is quarantined": ("IngestPrices", price("99000")),
    "UpdateAsset that changes a value": (
        "UpdateAsset",
        'asset {name: "assets/lot-1" inventory {quantity {value: "50"}}} update_mask {paths: "inventory.quantity"}',
    ),
}
"""Further requests to validate."""

NOTHING_ELSE = {"CheckDoublePledge", "StartRevaluation"}
"""Methods whose request has no content."""


def methods() -> dict[str, MethodDescriptor]:
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return {method.name: method for service in services for method in service.methods}


METHODS = methods()


class Book:
    """A server with something to do for every writing method."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server, self.client = server, client
        self.engine = create_engine(server.url)
        self.tables = MetaData()
        self.tables.reflect(self.engine)

    def request(self, name: str, text: str) -> Any:
        request = text_format.Parse(text, GetMessageClass(METHODS[name].input_type)())
        if name == "CreatePolicy":
            request.MergeFrom(self.policy(request, "third"))
        return request

    def policy(self, request: Message, policy_id: str) -> Message:
        default = self.call("GetPolicy", text_format.Parse('name: "policies/default-2021"', self.empty("GetPolicy")))
        return type(request)(policy=default, policy_id=policy_id)

    def empty(self, name: str) -> Message:
        return GetMessageClass(METHODS[name].input_type)()

    def call(self, name: str, request: Message) -> Any:
        method = METHODS[name]
        invoke = self.client.channel.unary_unary(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return invoke(request)

    def open(self, folder) -> None:
        for name, text in OPENING:
            self.call(name, self.request(name, text))
        self.call("CreatePolicy", self.policy(self.empty("CreatePolicy"), "second"))
        fit(self.client, folder)
        self.quiet()

    def dump(self) -> dict[str, list[str]]:
        """Returns every row of every table; bytes as their hash, for they are many."""
        with self.engine.connect() as connection:
            return {
                name: sorted(
                    repr([hash(one) if isinstance(one, bytes) else one for one in row])
                    for row in connection.execute(select(table))
                )
                for name, table in self.tables.tables.items()
            }

    def covers(self) -> dict[str, loan_pb2.LoanCover]:
        """Returns the newest cover of every loan by its name."""
        return {loan.name: loan.cover for loan in self.call("ListLoans", self.empty("ListLoans")).loans}

    def quiet(self) -> None:
        """Waits until pending stock is applied and no revaluation is under way."""
        wait_until(lambda: not self.dump()["stock_change"] and self.is_revalued())

    def is_revalued(self) -> bool:
        runs = self.call("ListRevaluations", self.empty("ListRevaluations")).revaluations
        return all(run.HasField("finish_time") for run in runs)


def fit(client: Client, folder) -> None:
    equipment = equipment_pb2_grpc.EquipmentServiceStub(client.channel)
    content = write_sales(folder / "sales.csv", rows(SALES_LEAST + 100)).read_bytes()
    chunk = equipment_pb2.FitEquipmentModelRequest(model_id="diggers", columns=MAPPING, chunk=content)
    started = equipment.FitEquipmentModel(iter([chunk]))
    watched = equipment.WatchEquipmentFit(equipment_pb2.WatchEquipmentFitRequest(name=started.name), timeout=120)
    assert list(watched)[-1].equipment_fit.state == equipment_pb2.EQUIPMENT_FIT_STATE_DONE


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    folder = tmp_path_factory.mktemp("writing")
    server = Server(f"sqlite:///{folder / 'book.db'}").start()
    with connected(server) as client:
        opened = Book(server, client)
        opened.open(folder)
        yield opened
        opened.engine.dispose()
    server.stop()


def test_every_writing_method_has_both_fields_or_its_comment_says_why_not():
    contract = "\n".join(path.read_text() for path in (repository() / "protos").rglob("*.proto"))

    for name in METHOD_CLASSES.keys() - READING_METHODS:
        missing = {"request_id", "validate_only"} - set(METHODS[name].input_type.fields_by_name)
        comment = contract.split(f"rpc {name}(")[0].rsplit(";", 1)[-1]
        assert missing == WITHOUT.get(name, set())
        assert all(field in comment for field in missing), name


def test_no_reading_method_has_a_field_of_a_write():
    assert METHOD_CLASSES.keys() >= READING_METHODS
    for name in READING_METHODS:
        assert not {"request_id", "validate_only"} & set(METHODS[name].input_type.fields_by_name)


def test_every_writing_method_has_an_example():
    streams = {name for name, method in METHODS.items() if method.client_streaming}

    assert EXAMPLES.keys() == METHOD_CLASSES.keys() - READING_METHODS - streams


def test_every_method_that_may_judge_loans_states_the_resulting_covers():
    neutral = {name for name, one in METHOD_CLASSES.items() if one is MethodClass.NEUTRAL}
    writing = METHOD_CLASSES.keys() - READING_METHODS - neutral

    stating = {name for name in writing if "resulting_covers" in METHODS[name].output_type.fields_by_name}

    assert writing - stating == {name for names in WITHOUT_COVERS.values() for name in names.split()}


@pytest.mark.parametrize("case", [*EXAMPLES, *BESIDES])
def test_validate_only_answers_and_writes_nothing(book, case):
    name, text = BESIDES.get(case, (case, EXAMPLES.get(case, "")))
    request = book.request(name, text)
    request.validate_only = True
    before = book.dump()

    answers = [book.call(name, request)]
    if name not in WITHOUT:
        request.request_id = f"check-{name}"
        answers.append(book.call(name, request))

    assert book.dump() == before
    assert all(answer.ByteSize() for answer in answers)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in WITHOUT])
def test_a_repeated_request_has_one_effect_and_its_id_is_refused_for_other_content(book, name):
    """It runs after the validations, because it changes the book; the methods are in an order in which all succeed."""
    request = book.request(name, EXAMPLES[name])
    request.validate_only = True
    expected, covers_before = book.call(name, request), book.covers()
    request.validate_only = False
    request.request_id = f"once-{name}"
    first = book.call(name, request)
    if resulting := taken_covers(expected):
        assert {one.loan: one.cover for one in resulting.covers} == changed_since(covers_before, book.covers())
        assert all(one.level_before == covers_before[one.loan].level for one in known_in(covers_before, resulting))
    book.quiet()
    before = book.dump()

    again = book.call(name, request)
    request.validate_only = True
    validated = book.call(name, request)
    request.validate_only = False
    if name == "AdvanceBusinessDate":  # a validation does not wait for the run, whose commit the first answer names
        validated.sequence = first.sequence

    assert (again, validated) == (first, first)
    assert without_time(expected) == without_time(first)
    assert book.dump() == before
    if name not in NOTHING_ELSE:
        with pytest.raises(grpc.RpcError) as refused:
            book.call(name, altered(request))
        assert details_of(refused.value)[0].reason == "REQUEST_ID_REUSED"


def taken_covers(answer: Any) -> loan_pb2.ResultingCovers | None:
    """Removes the resulting covers from the answer to a validation, and returns them; None if it has no such field."""
    if "resulting_covers" not in answer.DESCRIPTOR.fields_by_name:
        return None
    assert answer.HasField("resulting_covers")
    found = loan_pb2.ResultingCovers()
    found.CopyFrom(answer.resulting_covers)
    answer.ClearField("resulting_covers")
    return found


def changed_since(
    before: dict[str, loan_pb2.LoanCover], after: dict[str, loan_pb2.LoanCover]
) -> dict[str, loan_pb2.LoanCover]:
    """Returns the covers of the loans that were judged again, or for the first time."""
    return {loan: cover for loan, cover in after.items() if loan not in before or before[loan] != cover}


def known_in(
    covers: dict[str, loan_pb2.LoanCover], resulting: loan_pb2.ResultingCovers
) -> Iterator[loan_pb2.ResultingCover]:
    return (one for one in resulting.covers if one.loan in covers)


def without_time(answer: Message) -> Message:
    """Returns an answer without times of recording and, as a run has one more commit, its sequence."""
    for field, value in answer.ListFields():
        if field.name.endswith("_time") or (field.name == "sequence" and isinstance(value, int)):
            answer.ClearField(field.name)
        elif isinstance(value, Message):
            without_time(value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for inner in value:
                without_time(inner)
    return answer


def altered(request: Any) -> Message:
    """Returns the same request with other content."""
    other = type(request)()
    other.CopyFrom(request)
    if other.DESCRIPTOR.name == "RecordMovementsRequest":  # ids are those of a feed, which is the first text
        other.movements[0].quantity.value = "4"
    elif other.DESCRIPTOR.name == "AdvanceBusinessDateRequest":
        other.date.day += 1
    elif "actor" in other.DESCRIPTOR.fields_by_name:
        other.actor = "Cy"
    else:
        assert _extend_first_text(other)
    return other


def _extend_first_text(message: Message) -> bool:
    """Appends a letter to the first text in a message that is neither the request id nor a number or currency."""
    for field, value in message.ListFields():
        if field.name in {"request_id", "currency_code", "base_currency_code", "value"}:
            continue
        if isinstance(value, str):
            setattr(message, field.name, f"{value}x")
            return True
        if field.type == FieldDescriptor.TYPE_STRING:
            value[0] = f"{value[0]}x"
            return True
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = value if isinstance(value, Message) else value[0]
            if _extend_first_text(inner):
                return True
    return False
