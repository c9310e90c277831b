"""validate_only writes nothing and request_id makes a retry safe, on every method that writes."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, READING_METHODS, MethodClass
from collateral_registry.v1 import loan_pb2
from tests.support.contract_book import BESIDES, EXAMPLES, METHODS, Book, without_time
from tests.support.server import Server, connected, details_of, repository

pytestmark = pytest.mark.slow

WITHOUT = {"PushStock": {"request_id", "validate_only"}, "FitEquipmentModel": {"request_id", "validate_only"}}
WITHOUT |= {"PushInvoices": WITHOUT["PushStock"]}
WITHOUT |= {"ResolveRejectedMovement": {"request_id"}, "ResolveRejectedEntry": {"request_id"}}
"""Fields that a writing method lacks, which its comment in the contract explains."""

WITHOUT_COVERS = {
    "judge no loan": "CheckDoublePledge ResolveFinding",
    "start a revaluation run": "ActivatePolicy AdvanceBusinessDate StartRevaluation",
    "are applied to the book later": "PushStock RecordMovements ReportCount RecordInspection ResolveRejectedMovement "
    "PushInvoices RecordInvoiceEntries ResolveRejectedEntry",
}
"""Methods that do not state the resulting covers, by reason."""


NOTHING_ELSE = {"CheckDoublePledge", "StartRevaluation"}
"""Methods whose request has no content."""


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


def altered(request: Any) -> Message:
    """Returns the same request with other content."""
    other = type(request)()
    other.CopyFrom(request)
    if other.DESCRIPTOR.name == "RecordMovementsRequest":  # ids are those of a feed, which is the first text
        other.movements[0].quantity.value = "4"
    elif other.DESCRIPTOR.name == "RecordInvoiceEntriesRequest":
        other.entries[0].amount.units += 1
    elif other.DESCRIPTOR.name == "AdvanceBusinessDateRequest":
        other.date.day += 1
    elif other.DESCRIPTOR.name == "DeleteSavedViewRequest":  # its only text ends with a number
        other.name = f"{other.name}0"
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
