"""The annotations of the contract are true: required fields, ignored fields, and the forms of resource names."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import grpc
import pytest
from google.api.field_behavior_pb2 import (
    IDENTIFIER,
    IMMUTABLE,
    OPTIONAL,
    OUTPUT_ONLY,
    REQUIRED,
)
from google.api.resource_pb2 import resource_reference
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status

from tests.rpc.test_error_paths import fill
from tests.support.contract_book import OPENING, Book, without_time
from tests.support.contract_requests import (
    METHODS,
    PACKAGE,
    all_messages,
    behaviors,
    copied,
    name_by,
    own_fields,
    pattern_of,
    patterns,
    places,
    requests,
)
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow


CONDITIONAL = {
    "EstimateHaircut": {"horizon_days"},  # unless a sale is stated
    "ForecastPrice": {"price_series"},  # unless an asset is named
    "QuoteRight": {"right.next_year_revenue"},  # a registered IP asset may lack it, a quote may not
    "RecordAssignmentEvent": {"event.registry", "event.registration_number"},  # in a registration
    "RecordDebtorLimit": {"debtor_limit.insurer"},  # for an insured limit
    "RecordInspection": {"count.lines"},  # unless the count is complete
    "RecordInvoiceEntries": {  # by the kind of entry; the example is an invoice
        f"entries.{name}" for name in ("effective_time", "pool", "debtor", "invoice_number", "amount")
    },
    "RecordProceeds": {"proceeds.asset"},  # unless it is a protection payout
    "ReportCount": {"count.lines"},
    "RecordMovements": {  # by the kind of movement; the example is the receipt of a new lot
        f"movements.{name}" for name in ("effective_time", "warehouse", "good", "lot", "unit", "quantity")
    },
}
"""Optional fields that are required where others are absent; their comments in the contract say so."""

QUOTES = {"QuoteAsset", "QuoteEquipment", "QuotePool", "QuoteReceivablePool", "QuoteRight"}
"""Methods that need less of an asset or of a batch than recording it, to which the annotations refer."""

UPDATES = {"UpdateAsset", "CorrectAssetIdentity", "UpdateDebtor", "UpdateLoan", "UpdatePledge", "UpdateStockFeed"}
"""Methods that identify a resource by its own name; a creation ignores it."""


@cache
def input_messages() -> dict[str, Descriptor]:
    """Returns the requests of the contract and the messages that they contain, without what is only in responses."""
    found: dict[str, Descriptor] = {}
    todo = [method.input_type for service in services() for method in service.methods]
    while todo:
        message = todo.pop()
        if message.full_name not in found:
            found[message.full_name] = message
            todo += [below for field, below in own_fields(message) if below and OUTPUT_ONLY not in behaviors(field)]
    return found


def services() -> list[Any]:
    files = {method.containing_service.file.name: method.containing_service.file for method in METHODS.values()}
    return [service for file in files.values() for service in file.services_by_name.values()]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    server = Server(f"sqlite:///{tmp_path_factory.mktemp('behavior') / 'book.db'}").start()
    with connected(server) as client:
        opened = Book(server, client)
        for name, text in OPENING:
            opened.call(name, opened.request(name, text))
        yield opened
        opened.engine.dispose()
    server.stop()


def without(request: Any, path: str) -> Any:
    """Returns a copy of a request with one field cleared."""
    copy, holder, last = copied(request, path)
    holder.ClearField(last)
    return copy


def refusals(book: Book, method: MethodDescriptor, request: Message) -> dict[str, str]:
    """Returns why the answer to a request calls fields wrong, by their paths without indices and keys."""
    texts = []
    try:
        answer = book.call(method.name, request)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
            texts = [f"{one.field}: {one.description}" for one in violations_in(error)]
    else:
        repeated = (field.name for field, below in own_fields(request.DESCRIPTOR) if below and field.is_repeated)
        entries = next(repeated, "")
        reasons = [one.reason for one in getattr(answer, "problems", ())]
        reasons += [one.description for one in getattr(answer, "rejected_items", ())]
        texts = [f"{entries}.{part}" for reason in reasons for part in reason.split("; ")]
    split = [text.partition(": ") for text in texts]
    return {re.sub(r"\[[^\]]*\]", "", path): reason for path, _, reason in split}


def violations_in(error: grpc.RpcError) -> list[BadRequest.FieldViolation]:
    found = BadRequest()
    for detail in rpc_status.from_call(error).details:
        detail.Unpack(found)
    return list(found.field_violations)


def test_every_field_that_a_caller_may_set_states_its_behavior():
    wrong = [
        field.full_name
        for message in input_messages().values()
        for field in message.fields
        if len(behaviors(field) & {REQUIRED, OPTIONAL, OUTPUT_ONLY, IDENTIFIER}) != 1
    ]
    assert wrong == []


@pytest.mark.parametrize("name", METHODS)
def test_required_fields_are_refused_when_empty_and_optional_ones_are_not(book, name):
    method = METHODS[name]
    for request in requests(book, method):
        for path, field in places(request):
            if field.name == "validate_only":  # every request of these tests validates only
                continue
            named = refusals(book, method, without(request, path))
            is_refused = any(f"{one}.".startswith(f"{path}.") for one in named)
            if REQUIRED in behaviors(field):
                assert is_refused or (name in QUOTES and "." in path), (path, named)
            elif path not in CONDITIONAL.get(name, set()) and field.name != "actor":  # the local owner states it
                assert not is_refused, (path, named)


def test_every_required_field_is_cleared_in_some_request(book):
    cleared = {
        field.full_name
        for method in METHODS.values()
        for request in requests(book, method)
        for _, field in places(request)
    }
    streams = {
        "PushStockOpen",
        "StockBatch",
        "PushInvoicesOpen",
        "InvoiceBatch",
        "WatchEquipmentFitRequest",
        "WatchRevaluationRequest",
    }
    required = {
        field.full_name
        for message in input_messages().values()
        for field in message.fields
        if REQUIRED in behaviors(field) and message.name not in streams
    }
    assert required - cleared == set()


@pytest.mark.parametrize("name", METHODS)
def test_output_only_fields_of_a_request_are_ignored(book, name):
    method = METHODS[name]
    for request in requests(book, method):
        for path, field in places(request):
            if OUTPUT_ONLY in behaviors(field):
                assert answer(book, method, filled(request, path)) == answer(book, method, request), path


def filled(request: Any, path: str) -> Any:
    """Returns a copy of a request in which a field has another value."""
    copy, holder, last = copied(request, path)
    wrong = fill(type(holder)())
    if holder.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(holder, last).MergeFrom(getattr(wrong, last))
    elif holder.DESCRIPTOR.fields_by_name[last].message_type is None:
        setattr(holder, last, getattr(wrong, last))
    else:
        getattr(holder, last).CopyFrom(getattr(wrong, last))
    return copy


def answer(book: Book, method: MethodDescriptor, request: Message) -> object:
    """Returns the answer to a request, without the times of recording, or the text of its error."""
    try:
        return without_time(book.call(method.name, request))
    except grpc.RpcError as error:
        return error.code(), error.details()


@pytest.mark.parametrize("name", [name for name in METHODS if "update_mask" in METHODS[name].input_type.fields_by_name])
def test_an_update_mask_names_no_field_that_only_the_server_or_the_creation_sets(book, name):
    method = METHODS[name]
    (request, *_) = requests(book, method)
    (changed,) = [below for _, below in own_fields(method.input_type) if below]
    for field in changed.fields:
        if behaviors(field) & {IDENTIFIER, IMMUTABLE, OUTPUT_ONLY}:
            request.update_mask.paths[:] = [field.name]
            assert "update_mask" in refusals(book, method, request), field.name


def test_every_referenced_resource_type_is_declared():
    for message in all_messages():
        for field in message.fields:
            reference = field.GetOptions().Extensions[resource_reference]
            named = {reference.type, reference.child_type} - {""}
            assert named <= patterns().keys(), field.full_name
            assert len(named) < 2, field.full_name
    assert len(set(patterns().values())) == len(patterns())


@pytest.mark.parametrize("name", METHODS)
def test_names_are_read_by_their_patterns_only(book, name):
    method = METHODS[name]
    for request in requests(book, method):
        for path, field in places(request):
            pattern = pattern_of(field)
            is_ignored = OUTPUT_ONLY in behaviors(field) or (IDENTIFIER in behaviors(field) and name not in UPDATES)
            if not pattern or is_ignored:
                continue
            wanted = refusals(book, method, named(request, path, name_by(pattern))).get(path, "")
            assert "{" not in wanted, (path, wanted)  # it may be refused as unknown, not for its form
            for other in (name_by(f"others/{pattern}"), name_by(pattern.rpartition("/")[0])):
                assert path in refusals(book, method, named(request, path, other)), (path, other)


def named(request: Any, path: str, name: str) -> Any:
    """Returns a copy of a request with a resource name in a field."""
    copy, holder, last = copied(without(request, path), path)
    if holder.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(holder, last).append(name)
    else:
        setattr(holder, last, name)
    return copy


def test_names_in_answers_have_the_patterns_of_their_types(book):
    seen = set()
    for name, method in METHODS.items():
        for request in requests(book, method):
            try:
                answered = book.call(name, request)
            except grpc.RpcError:
                continue
            for field, value in names_in(answered):
                form = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern_of(field)))
                assert re.fullmatch(form, value), (field.full_name, value)
                seen.add(pattern_of(field))
    assert set(patterns().values()) - seen == {"equipmentModels/{model}", "equipmentFits/{model}"}


def names_in(message: Any) -> Iterator[tuple[FieldDescriptor, str]]:
    for field, value in message.ListFields():
        below = field.message_type
        if below is not None and below.full_name.startswith(PACKAGE) and not below.GetOptions().map_entry:
            for part in value if field.is_repeated else [value]:
                yield from names_in(part)
        elif pattern_of(field):
            yield from ((field, one) for one in (value if field.is_repeated else [value]))
