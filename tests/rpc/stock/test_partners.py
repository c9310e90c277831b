"""A partner authenticates with its token and reports its own warehouses through its own feed."""

import hashlib
import json

import grpc
import pytest

from tests.support.pushing import Push, receipt
from tests.support.server import Server, connected, details_of

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-a-partner-and-not-a-secret-of-anybody"


def bearer(token):
    return [("authorization", f"Bearer {token}")]


@pytest.fixture
def guarded(tmp_path, sqlite_url):
    """A client of a server with two configured partners."""
    entry = {"token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "warehouses": ["W-1"]}
    other = {"token_sha256": hashlib.sha256(b"another").hexdigest(), "warehouses": ["W-2"]}
    path = tmp_path / "partners.json"
    path.write_text(json.dumps({"acme": entry, "zenith": other}))
    server = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(path)}).start()
    with connected(server) as stubs:
        yield stubs
    server.stop()


def refused(client, feed, metadata):
    with pytest.raises(grpc.RpcError) as caught:
        Push(client, feed, metadata).opened()
    return caught.value.code(), details_of(caught.value)[0].reason


def test_a_partner_with_its_token_pushes_to_its_feed(guarded):
    push = Push(guarded, "acme", bearer(TOKEN))
    push.opened()

    assert push.push(1, receipt("in-1", 5)).booked_count == 1


@pytest.mark.parametrize("metadata", [None, bearer("wrong"), bearer(""), [("authorization", TOKEN)]])
def test_a_call_without_a_token_of_a_partner_is_refused(guarded, metadata):
    assert refused(guarded, "acme", metadata) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_a_partner_cannot_open_the_feed_of_another(guarded):
    assert refused(guarded, "zenith", bearer(TOKEN)) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED")


def test_a_movement_in_the_warehouse_of_another_is_rejected_by_name(guarded):
    push = Push(guarded, "acme", bearer(TOKEN))
    push.opened()
    answer = push.push(1, receipt("in-1", 5), receipt("in-2", 5, warehouse="W-2", lot="X"))

    assert answer.booked_count == 1
    assert [(item.row, item.movement_id) for item in answer.rejected_items] == [(1, "in-2")]


@pytest.mark.parametrize(
    "entries",
    [
        {"acme": {"token_sha256": TOKEN, "warehouses": ["W-1"]}},
        {"acme": {"token_sha256": "0" * 64, "warehouses": []}},
        {"acme": {"token": "0" * 64, "warehouses": ["W-1"]}},
    ],
)
def test_an_invalid_file_of_partners_stops_the_start_and_no_token_is_printed(tmp_path, sqlite_url, entries):
    path = tmp_path / "partners.json"
    path.write_text(json.dumps(entries))
    server = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(path)})
    with pytest.raises(AssertionError, match="the server stopped") as caught:
        server.start()
    server.stop()

    assert TOKEN not in str(caught.value)
