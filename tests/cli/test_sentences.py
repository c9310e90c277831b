"""What a server says reaches the person as a sentence, and the program as an exit code."""

from concurrent import futures

import grpc
import pytest
import typer
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from collateral_registry.cli.common import client as sessions
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.report import as_of_message
from collateral_registry.cli.loans.show import event_line
from collateral_registry.v1 import asset_pb2, asset_pb2_grpc, breach_pb2, common_pb2


class Refusing(asset_pb2_grpc.AssetServiceServicer):
    """Answers every call with the status it was given, and counts the calls."""

    def __init__(self):
        self.code, self.message, self.details, self.calls = grpc.StatusCode.OK, "", (), 0

    def GetAsset(self, request, context):  # noqa: ARG002, N802
        """Answers with that status."""
        self.calls += 1
        if self.code == grpc.StatusCode.OK:
            return asset_pb2.Asset(name="assets/a")
        status = Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        if self.details:
            context.set_trailing_metadata(((sessions.DETAILS_KEY, status.SerializeToString()),))
        return context.abort(self.code, self.message)


@pytest.fixture(scope="module")
def served():
    servicer, server = Refusing(), grpc.server(futures.ThreadPoolExecutor(2))
    asset_pb2_grpc.add_AssetServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait()


def ask(served, code, message, *details):
    """The exit code of a command that is answered so."""
    servicer, address = served
    servicer.code, servicer.message, servicer.details, servicer.calls = code, message, details, 0
    with pytest.raises(typer.Exit) as ended, sessions.session(address) as channel:
        asset_pb2_grpc.AssetServiceStub(channel).GetAsset(asset_pb2.GetAssetRequest(name="assets/a"))
    return ended.value.exit_code


def test_a_refusal_is_its_sentence_with_its_reason(served, capsys):
    info = ErrorInfo(reason="RELEASE_UNCOVERED", domain="d", metadata={"largest_share": "0.25"})

    assert ask(served, grpc.StatusCode.FAILED_PRECONDITION, "the rest would not cover", info) == 4
    assert capsys.readouterr().err == "collateral: the rest would not cover [RELEASE_UNCOVERED, largest_share 0.25]\n"


def test_fields_are_named_once(served, capsys):
    said, more = "quantity: got -1, want more than 0", "unit: got furlong, want a unit of mass"
    bad = BadRequest(
        field_violations=[{"field": "quantity", "description": said}, {"field": "unit", "description": more}]
    )

    assert ask(served, grpc.StatusCode.INVALID_ARGUMENT, said, ErrorInfo(reason="INVALID_INPUT"), bad) == 4
    assert capsys.readouterr().err == f"collateral: {said} [INVALID_INPUT]; {more}\n"


def test_a_server_that_cannot_use_its_database_is_not_called_absent(served, capsys):
    """Its sentence says what is the matter; 'no server answers' would send the reader the wrong way."""
    code = ask(
        served, grpc.StatusCode.UNAVAILABLE, "the database cannot be used now", ErrorInfo(reason="STORE_UNAVAILABLE")
    )

    assert code == 4
    assert "the database cannot be used now [STORE_UNAVAILABLE]" in capsys.readouterr().err


def test_an_unavailable_server_is_tried_again_before_giving_up(served, capsys):
    assert ask(served, grpc.StatusCode.UNAVAILABLE, "going away") == 3
    assert served[0].calls == sessions.ATTEMPTS
    assert "no server answers at" in capsys.readouterr().err


def test_a_failure_without_words_still_has_a_sentence(served, capsys):
    assert ask(served, grpc.StatusCode.INTERNAL, "") == 4
    assert "the server failed with INTERNAL" in capsys.readouterr().err


def test_ctrl_c_ends_a_command_with_the_usual_code(served, capsys):
    with pytest.raises(typer.Exit) as ended, sessions.session(served[1]):
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "collateral: interrupted\n"


def test_a_moment_is_a_commit_a_time_or_a_day():
    assert as_of_message("").WhichOneof("moment") is None
    assert as_of_message("17").sequence == 17
    assert as_of_message("2022-07-01").market_date.month == 7
    assert as_of_message("2022-07-01T12:00:00Z").known_time == as_of_message("2022-07-01T12:00:00").known_time
    assert as_of_message("2022-07-01T14:00:00+02:00").known_time == as_of_message("2022-07-01T12:00:00Z").known_time


@pytest.mark.parametrize("text", ["yesterday", "2022-13-45", "9" * 20, "-1", "2022-01-01Tnoon", "1.5"])
def test_a_moment_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"--as-of: got .*, want a commit number, a time such as"):
        as_of_message(text)


@pytest.mark.parametrize(
    ("limit", "wanted", "calls"), [(0, 2_500, 3), (10, 10, 1), (1_000, 1_000, 1), (1_500, 1_500, 2)]
)
def test_pages_are_read_as_far_as_they_are_wanted(limit, wanted, calls):
    assets = [asset_pb2.Asset(name=f"assets/a-{n}") for n in range(2_500)]
    asked = []

    def call(request):
        start = int(request.page_token or 0)
        end = start + request.page_size
        asked.append(start)
        return asset_pb2.ListAssetsResponse(
            assets=assets[start:end], next_page_token=str(end) if end < len(assets) else ""
        )

    answer = fetch_all(call, asset_pb2.ListAssetsRequest(), "assets", limit)

    assert list(answer.assets) == assets[:wanted]
    assert not answer.next_page_token
    assert len(asked) == calls


def test_what_somebody_wrote_is_shown_and_not_obeyed():
    """Square brackets are this program's own markup."""
    event = breach_pb2.BreachEvent(
        sequence=7,
        kind=breach_pb2.BREACH_EVENT_KIND_WAIVED,
        loan="loans/l",
        level=common_pb2.LTV_LEVEL_WATCH,
        note="see [/x]",
    )

    assert r"(see \[/x])" in event_line(event)
