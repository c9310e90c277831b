"""No id, count, sequence, token or error text of a lender changes with the data of another.

Every method is called at the lender beta of two servers. At one of them the lender alpha has a book with the same ids;
at the other alpha's book is empty.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import text_format
from google.protobuf.message import Message

from collateral_registry.v1 import invoice_feed_pb2, stock_pb2
from tests.support.contract_book import BESIDES, EXAMPLES, METHODS, OPENING, Book
from tests.support.contract_requests import METHODS as UNARY, requests
from tests.support.lenders import ALPHA, BETA, LenderClient, Quiet, lenders_server

pytestmark = pytest.mark.slow

STREAMS: dict[str, str] = {
    "WatchBreaches": "",
    "StreamLtvReport": "",
    "WatchRevaluation": 'name: "revaluations/2"',
    "WatchEquipmentFit": 'name: "equipmentFits/diggers"',
    "PreviewRevaluation": 'policy: "policies/second" filter: "level >= "',
}
"""Requests of the methods that stream responses to one request."""

FEEDS = {
    "PushStock": (stock_pb2.PushStockRequest, "stock_feed", "stockFeeds/acme"),
    "PushInvoices": (invoice_feed_pb2.PushInvoicesRequest, "invoice_feed", "invoiceFeeds/erp"),
}


class Lender(Book):
    """The book of a lender, reached by the calls of its callers."""

    def __init__(self, channel: grpc.Channel, name: str, url: str) -> None:
        self.calls, self.quiet_of = LenderClient(channel, name), Quiet(url)

    def call(self, name: str, request: Message) -> Any:
        return self.calls.call(name, request)

    def outcome(self, name: str, request: Message) -> tuple[Any, ...]:
        """Returns the answer of a call without times."""
        return self.calls.outcome(lambda: self.call(name, request))

    def settled(self, name: str, request: Message) -> tuple[Any, ...]:
        """Does the same, and waits until what the call caused is recorded too."""
        found = self.outcome(name, request)
        self.quiet_of.wait()
        return found

    def first_of(self, name: str, given: Any) -> tuple[Any, ...]:
        """Returns the first message of a stream."""

        def work() -> list[Message]:
            stream = self.calls.stream(name, iter(given) if isinstance(given, list) else given)
            try:
                return [next(stream)]
            finally:
                stream.cancel()

        return self.calls.outcome(work)


@pytest.fixture
def worlds(tmp_path: Path, prepared_file: Path) -> Iterator[list[dict[str, Lender]]]:
    """The lenders of two servers."""
    with ExitStack() as stack:
        found = []
        for world in ("shared", "lone"):
            for lender in (ALPHA, BETA):
                (tmp_path / world / lender).mkdir(parents=True)
                shutil.copy(prepared_file, tmp_path / world / lender / "collateral.db")
            server = lenders_server(tmp_path / world, {ALPHA: "", BETA: ""}).start()
            stack.callback(server.stop)
            channel = stack.enter_context(grpc.insecure_channel(server.address))
            files = {lender: tmp_path / world / lender / "collateral.db" for lender in (ALPHA, BETA)}
            found.append({lender: Lender(channel, lender, f"sqlite:///{file}") for lender, file in files.items()})
        yield found


@pytest.mark.long
def test_no_answer_depends_on_the_data_of_another_lender(worlds):
    alpha, betas = worlds[0][ALPHA], [world[BETA] for world in worlds]
    called: set[str] = set()
    with ThreadPoolExecutor(2) as threads:

        def compare(name: str, ask: Callable[[Lender], tuple[Any, ...]]) -> None:
            called.add(name)
            found = list(threads.map(ask, betas))
            assert found[0] == found[1], name

        def compare_all() -> None:
            """Calls every method without recording anything."""
            for name, method in UNARY.items():
                request = requests(betas[0], method)[0]
                if "page_size" in request.DESCRIPTOR.fields_by_name:
                    request.page_size = 1  # for a page token in the answer
                compare(name, partial(Lender.outcome, name=name, request=request))
            for name, text in STREAMS.items():
                request = text_format.Parse(text, betas[0].empty(name))
                compare(name, partial(Lender.first_of, name=name, given=request))

        record(alpha, OPENING, "opening")
        compare_all()
        for number, (name, text) in enumerate(OPENING):
            request = with_id(betas[0].request(name, text), f"opening-{number}")
            compare(name, partial(Lender.settled, name=name, request=request))
        for number, (name, text) in enumerate([*EXAMPLES.items(), *BESIDES.values()]):
            request = betas[0].request(name, text)
            alpha.outcome(name, with_id(request, f"example-{number + 1}"))
            with_id(request, f"example-{number}")
            compare(name, partial(Lender.settled, name=name, request=request))
        compare_all()
        for name, (kind, field, feed) in FEEDS.items():
            opening = kind(open={field: feed})
            alpha.first_of(name, [opening])
            compare(name, partial(Lender.first_of, name=name, given=[opening]))
    assert set(METHODS) - called == {"FitEquipmentModel"}


def record(lender: Lender, steps: list[tuple[str, str]], prefix: str) -> None:
    """Makes the requests of steps with the ids of the following ones, so that shared ids would be noticed."""
    for number, (name, text) in enumerate(steps):
        lender.call(name, with_id(lender.request(name, text), f"{prefix}-{number + 1}"))
    lender.quiet_of.wait()


def with_id(request: Any, request_id: str) -> Any:
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = request_id
    return request
