"""Errors of calls become messages and exit codes; also paging and --as-of."""

import sys
from concurrent import futures

import grpc
import pytest
import typer
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from typer.testing import CliRunner

from collateral_partner.stream import DETAILS_KEY
from collateral_registry.cli.common import client as cli_client
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.show import event_line
from collateral_registry.cli.main import app
from collateral_registry.v1 import asset_pb2, asset_pb2_grpc, breach_pb2, common_pb2


class Refusing(asset_pb2_grpc.AssetServiceServicer):
    """Answers every call with a given status and counts the calls."""

    def __init__(self):
        self.code, self.message, self.details, self.calls = grpc.StatusCode.OK, "", (), 0

    def get_asset(self, _request, context):
        """Ends the call with the given status."""
        self.calls += 1
        if self.code == grpc.StatusCode.OK:
            return asset_pb2.Asset(name="assets/a")
        status = Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        if self.details:
            context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
        return context.abort(self.code, self.message)

    GetAsset = get_asset


@pytest.fixture(scope="module")
def served():
    servicer, server = Refusing(), grpc.server(futures.ThreadPoolExecutor(2))
    asset_pb2_grpc.add_AssetServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait()


def exit_code_of(served, code, message, *details):
    """Returns the exit code of a command whose call ends with this status."""
    servicer, address = served
    servicer.code, servicer.message, servicer.details, servicer.calls = code, message, details, 0
    with pytest.raises(typer.Exit) as ended, cli_client.session(address) as channel:
        asset_pb2_grpc.AssetServiceStub(channel).GetAsset(asset_pb2.GetAssetRequest(name="assets/a"))
    return ended.value.exit_code


def test_a_refusal_is_printed_with_its_reason(served, capsys):
    info = ErrorInfo(reason="RELEASE_UNCOVERED", domain="d", metadata={"largest_share": "0.25"})

    assert exit_code_of(served, grpc.StatusCode.FAILED_PRECONDITION, "the rest would not cover", info) == 4
    assert capsys.readouterr().err == "collateral: the rest would not cover [RELEASE_UNCOVERED, largest_share 0.25]\n"


def test_each_invalid_field_is_printed_once(served, capsys):
    first, second = "quantity: got -1, want more than 0", "unit: got furlong, want a unit of mass"
    bad = BadRequest(
        field_violations=[{"field": "quantity", "description": first}, {"field": "unit", "description": second}]
    )

    assert exit_code_of(served, grpc.StatusCode.INVALID_ARGUMENT, first, ErrorInfo(reason="INVALID_INPUT"), bad) == 4
    assert capsys.readouterr().err == f"collateral: {first} [INVALID_INPUT]; {second}\n"


def test_a_server_without_its_database_is_not_reported_as_unreachable(served, capsys):
    """The message of the server names the cause."""
    code = exit_code_of(
        served, grpc.StatusCode.UNAVAILABLE, "the database cannot be used now", ErrorInfo(reason="STORE_UNAVAILABLE")
    )

    assert code == 4
    assert "the database cannot be used now [STORE_UNAVAILABLE]" in capsys.readouterr().err


def test_an_unavailable_server_is_retried(served, capsys):
    assert exit_code_of(served, grpc.StatusCode.UNAVAILABLE, "going away") == 3
    assert served[0].calls == cli_client.ATTEMPTS
    assert "cannot reach a server at" in capsys.readouterr().err


def test_a_failure_without_a_message_is_reported_by_its_code(served, capsys):
    assert exit_code_of(served, grpc.StatusCode.INTERNAL, "") == 4
    assert "the server failed with INTERNAL" in capsys.readouterr().err


def test_ctrl_c_ends_a_command_with_exit_code_130(served, capsys):
    with pytest.raises(typer.Exit) as ended, cli_client.session(served[1]):
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "collateral: interrupted\n"


def test_as_of_is_a_commit_a_time_or_a_date():
    assert as_of_message("").WhichOneof("moment") is None
    assert as_of_message("17").sequence == 17
    assert as_of_message("2022-07-01").market_date.month == 7
    assert as_of_message("2022-07-01T12:00:00Z").known_time == as_of_message("2022-07-01T12:00:00").known_time
    assert as_of_message("2022-07-01T14:00:00+02:00").known_time == as_of_message("2022-07-01T12:00:00Z").known_time


@pytest.mark.parametrize("text", ["yesterday", "2022-13-45", "9" * 20, "-1", "2022-01-01Tnoon", "1.5"])
def test_an_invalid_as_of_is_refused(text):
    with pytest.raises(ValueError, match=r"--as-of: got .*, want a commit number, a time such as"):
        as_of_message(text)


@pytest.mark.parametrize(("limit", "rows", "calls"), [(0, 2_500, 3), (10, 10, 1), (1_000, 1_000, 1), (1_500, 1_500, 2)])
def test_pages_are_read_up_to_the_limit(limit, rows, calls):
    assets = [asset_pb2.Asset(name=f"assets/a-{n}") for n in range(2_500)]
    starts = []

    def call(request):
        start = int(request.page_token or 0)
        end = start + request.page_size
        starts.append(start)
        return asset_pb2.ListAssetsResponse(
            assets=assets[start:end], next_page_token=str(end) if end < len(assets) else ""
        )

    answer = fetch_all(call, asset_pb2.ListAssetsRequest(), "assets", limit)

    assert list(answer.assets) == assets[:rows]
    assert not answer.next_page_token
    assert len(starts) == calls


def test_markup_in_notes_is_escaped():
    """Square brackets are markup for the console."""
    event = breach_pb2.BreachEvent(
        sequence=7,
        kind=breach_pb2.BREACH_EVENT_KIND_WAIVED,
        loan="loans/l",
        level=common_pb2.LTV_LEVEL_WATCH,
        note="see [/x]",
    )

    assert r"(see \[/x])" in event_line(event)


def test_a_server_with_a_scheduler_but_without_dask_names_the_extra_with_exit_code_4(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setenv("COLLATERAL_DASK_SCHEDULER", "tcp://127.0.0.1:1")
    database = f"sqlite:///{tmp_path / 'book.db'}"

    done = CliRunner().invoke(app, ["serve", "--address", "127.0.0.1:0", "--database", database])

    assert done.exit_code == 4
    assert "cluster needs distributed: install it with pip install 'collateral[cluster]'" in done.stderr
