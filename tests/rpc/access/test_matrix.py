"""The matrix of docs/rights.md equals the tables of the code and the answers of a server."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status
from sqlalchemy import MetaData, create_engine, func, select

from collateral_registry.domain.access.roles import PERMISSIONS, Permission, Role
from collateral_registry.rpc.access.method_permissions import METHOD_PERMISSIONS, PUBLIC_METHODS
from collateral_registry.v1 import invoice_feed_pb2, stock_ledger_pb2, stock_pb2
from tests.support.callers import role_of
from tests.support.contract_book import METHODS as OWN_METHODS
from tests.support.postgres import wait_until
from tests.support.server import Server, repository

NONE, OWN, OTHERS, ALL = "no", "own", "others", "all"
SECOND_PERSON = {"ApproveOverride", "ApproveProposal", "ApproveCertificate", "ReturnCertificate"}
"""Methods by which another person than the first decides."""

FURTHER = [
    method
    for module in (health_pb2, reflection_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
METHODS = OWN_METHODS | {method.name: method for method in FURTHER}
OWN_FEED = {
    "GetStockFeed": lambda feed: stock_ledger_pb2.GetStockFeedRequest(name=f"stockFeeds/{feed}"),
    "ListRejectedMovements": lambda feed: stock_ledger_pb2.ListRejectedMovementsRequest(parent=f"stockFeeds/{feed}"),
    "GetInvoiceFeed": lambda feed: invoice_feed_pb2.GetInvoiceFeedRequest(name=f"invoiceFeeds/{feed}"),
    "ListRejectedEntries": lambda feed: invoice_feed_pb2.ListRejectedEntriesRequest(parent=f"invoiceFeeds/{feed}"),
    "PushStock": lambda feed: stock_pb2.PushStockRequest(open=stock_pb2.PushStockOpen(stock_feed=f"stockFeeds/{feed}")),
    "RecordMovements": lambda feed: stock_pb2.RecordMovementsRequest(stock_feed=f"stockFeeds/{feed}"),
    "ReportCount": lambda feed: stock_pb2.ReportCountRequest(
        stock_feed=f"stockFeeds/{feed}", warehouse="warehouses/W-1"
    ),
    "PushInvoices": lambda feed: invoice_feed_pb2.PushInvoicesRequest(
        open=invoice_feed_pb2.PushInvoicesOpen(invoice_feed=f"invoiceFeeds/{feed}")
    ),
    "RecordInvoiceEntries": lambda feed: invoice_feed_pb2.RecordInvoiceEntriesRequest(
        invoice_feed=f"invoiceFeeds/{feed}"
    ),
}
"""A request of each method of a feed."""

STREAM_SECONDS = 0.3
"""A stream of events that has no event within this time was permitted."""


class Answer(NamedTuple):
    """How a call ended: its status, None for a response, and the reason of an error."""

    code: grpc.StatusCode | None
    reason: str
    text: str


def written() -> dict[tuple[str, Role], str]:
    """Returns the cells of the matrix in the text."""
    cells = {}
    for service in (repository() / "docs/rights.md").read_text().split("## Matrix")[1].split("### ")[1:]:
        heading, *rows = (line for line in service.splitlines() if line.startswith("|"))
        roles = [Role(name) for name in columns(heading)[2:]]
        for method, needs, *row in map(columns, rows[1:]):
            assert needs == METHOD_PERMISSIONS.get(method, "nothing"), method
            cells |= {(method, role): cell for role, cell in zip(roles, row, strict=True)}
    return cells


def columns(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def computed(method: str, role: Role) -> str:
    """Returns the cell that follows from the tables of the code."""
    needed = METHOD_PERMISSIONS.get(method)
    if needed is not None and needed not in PERMISSIONS[role]:
        return NONE
    if role is Role.PARTNER and needed in {Permission.READ_FEED, Permission.PUSH_FEED}:
        return OWN
    return OTHERS if method in SECOND_PERSON else ALL


def test_the_text_states_what_the_tables_permit():
    assert written() == {(method, role): computed(method, role) for method in METHODS for role in Role}


def test_the_text_lists_the_roles_of_every_permission():
    text = (repository() / "docs/rights.md").read_text().split("## Permissions")[1].split("## Own")[0]
    rows = {line.split("`")[1]: columns(line)[2] for line in text.splitlines() if line.startswith("| `")}

    assert rows.keys() == set(Permission)
    for permission, stated in rows.items():
        having = {role for role in Role if permission in PERMISSIONS[role]} - {Role.LOCAL_OWNER}
        if stated.startswith("all"):
            without = {Role.PARTNER} if "but partner" in stated else set()
            assert having == set(Role) - {Role.LOCAL_OWNER} - without
        else:
            assert having == {role for role in Role if role in stated} - {Role.LOCAL_OWNER}, permission


def called(channel: grpc.Channel, name: str, role: Role, request: bytes = b"") -> Answer:
    """Calls a method as a role, by default with an empty request that only validates."""
    method = METHODS[name]
    if not request and "validate_only" in method.input_type.fields_by_name:
        request = GetMessageClass(method.input_type)(validate_only=True).SerializeToString()
    invoke = channel.stream_stream(f"/{method.containing_service.full_name}/{name}")
    seconds = STREAM_SECONDS if method.server_streaming else 30
    answers = invoke(iter([request]), metadata=role_of(role), timeout=seconds)
    try:
        next(answers, None)
    except grpc.RpcError as error:
        details = rpc_status.from_call(error)
        info = ErrorInfo()
        if details is not None and details.details:
            details.details[0].Unpack(info)
        return Answer(error.code(), info.reason, error.details())
    answers.cancel()
    return Answer(None, "", "")


def is_denied(answer: Answer) -> bool:
    return answer.code is grpc.StatusCode.PERMISSION_DENIED


def commits(server: Server) -> int:
    """Returns the number of commits of the book."""
    engine = create_engine(server.url)
    tables = MetaData()
    tables.reflect(engine, only=["commit_log"])
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(tables.tables["commit_log"])).scalar_one()
    engine.dispose()
    return int(found)


def refusals(server: Server) -> list[dict[str, str]]:
    """Returns the log lines of refused calls."""
    lines = [json.loads(line) for line in server.said.splitlines()]
    return [line for line in lines if line.get("code") == "PERMISSION_DENIED"]


@pytest.mark.slow
def test_a_server_refuses_what_the_text_refuses_without_a_commit_and_with_one_log_line(server, channel):
    cells = written()
    denied = [key for key, cell in cells.items() if cell == NONE]
    before, earlier = commits(server), len(refusals(server))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: called(channel, *key), denied))

    assert [key for key, one in zip(denied, answers, strict=True) if not is_denied(one)] == []
    assert {one.reason for one in answers} == {"NOT_PERMITTED"}
    assert all(METHOD_PERMISSIONS[key[0]] in one.text for key, one in zip(denied, answers, strict=True))
    assert commits(server) == before
    wait_until(lambda: len(refusals(server)) >= earlier + len(denied))
    lines = refusals(server)[earlier:]
    assert len(lines) == len(denied)
    assert {line["reason"] for line in lines} == {"NOT_PERMITTED"}


@pytest.mark.slow
def test_a_server_permits_what_the_text_permits(channel):
    permitted = [key for key, cell in written().items() if cell in {ALL, OTHERS}]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: called(channel, *key), permitted))

    assert [key for key, one in zip(permitted, answers, strict=True) if is_denied(one)] == []


@pytest.mark.slow
def test_a_partner_reaches_its_own_feed_only_whether_another_exists_or_not(channel):
    own = {method for (method, _), cell in written().items() if cell == OWN}

    assert own == OWN_FEED.keys()
    for name, request in OWN_FEED.items():
        mine = called(channel, name, Role.PARTNER, request("acme").SerializeToString())
        other = called(channel, name, Role.PARTNER, request("beta").SerializeToString())
        assert not is_denied(mine), (name, mine)
        assert is_denied(other), (name, other)
        assert not is_denied(called(channel, name, Role.OPERATOR, request("beta").SerializeToString())), name
    for name in ("ListRejectedMovements", "ListRejectedEntries"):
        assert is_denied(called(channel, name, Role.PARTNER, OWN_FEED[name]("-").SerializeToString()))


@pytest.mark.slow
def test_health_needs_no_role(channel):
    for name in PUBLIC_METHODS:
        assert not is_denied(called(channel, name, Role.PARTNER))
