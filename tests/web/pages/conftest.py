"""The pages of a server with the sample book on a day with breaches, and a browser that shows them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from collateral_registry.v1 import (
    breach_pb2,
    business_date_pb2,
    proposal_pb2,
    proposal_pb2_grpc,
    saved_view_pb2,
    saved_view_pb2_grpc,
)
from tests.support.launch import run
from tests.support.server import Client, Server, connected, free_port

BREACH_DAYS = ("2022-07-12", "2022-07-13")
"""Days of the sample that are replayed: some loans are then beyond their limits, some past their deadline."""

STATEMENT = """class,line,value
receivable,gross,460000
receivable,OVER_AGE,20000
receivable,NO_RULE,1000
receivable,rate,0.8
inventory,gross,700000
inventory,rate,0.76
"""
"""A statement of the borrower of a loan with a base, which differs from the recomputed one."""

DISPOSAL = "loan-red-prairie/sale"
"""A disposal, as commands name it."""


@dataclass
class Pages:
    """The address of the pages, and a gRPC client of the same server."""

    address: str
    client: Client
    server: Server


def propose_waiver(client: Client, breach: str, note: str, actor: str) -> None:
    """Proposes to waive the margin call of a breach on the business date."""
    today = client.dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).date
    cause = breach_pb2.WAIVER_REASON_PAYMENT_IN_TRANSIT
    waiver = breach_pb2.WaiveBreachRequest(name=breach, note=note, reason=cause, expire_date=today)
    proposal = proposal_pb2.Proposal(reason=note, waive_breach=waiver)
    request = proposal_pb2.CreateProposalRequest(proposal=proposal, actor=actor)
    proposal_pb2_grpc.ProposalServiceStub(client.channel).CreateProposal(request)


def save_view(client: Client, display_name: str, path: str, *, shared: bool = False) -> None:
    """Saves a view of the local owner."""
    view = saved_view_pb2.SavedView(display_name=display_name, path=path, shared=shared)
    saved_view_pb2_grpc.SavedViewServiceStub(client.channel).SaveView(saved_view_pb2.SaveViewRequest(saved_view=view))


def certify(path: Path, server: Server) -> None:
    """Submits a certificate of the loan with a borrowing base for the first of the replayed days, and opens another."""
    path.write_text(STATEMENT, encoding="utf-8")
    name, days = "loan-meridian-parts", ("--period-end", BREACH_DAYS[0], "--due", BREACH_DAYS[1])
    for arguments in (
        ("create", f"{name}/july", *days),
        ("create", f"{name}/late", "--period-end", BREACH_DAYS[0], "--due", BREACH_DAYS[0]),
        ("submit", f"{name}/july", str(path), "--actor", "Mia"),
    ):
        run("certificate", *arguments, server=server.address).check_returncode()


@pytest.fixture(scope="package")
def pages(sample_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of the sample book."""
    address = f"127.0.0.1:{free_port()}"
    copy = shutil.copy(sample_file, tmp_path_factory.mktemp("pages"))
    server = Server(f"sqlite:///{copy}", options=["--http-address", address]).start()
    replayed = run("sample", "replay", "--from", BREACH_DAYS[0], "--until", BREACH_DAYS[1], server=server.address)
    replayed.check_returncode()
    with connected(server) as client:
        request = breach_pb2.ListBreachesRequest(parent="loans/loan-harbour-metals", filter="state = OPEN")
        (breach,) = client.breaches.ListBreaches(request).breaches
        defaulted = ("--default-date", "2022-07-12", "--cause", "payment", "--rate", "0.08", "--note", "unpaid")
        run("disposal", "open", DISPOSAL, *defaulted, "--actor", "Ana", server=server.address).check_returncode()
        certify(tmp_path_factory.mktemp("statement") / "july.csv", server)
        propose_waiver(client, breach.name, "the sale is agreed", "Ana Officer")
        for path in ("/loans?level=beyond", "/breaches?state=all", "/reports?as_of=2021-12-31"):
            save_view(client, path.ljust(80, "x"), path, shared=True)
        yield Pages(address, client, server)
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Tests that need it are left out where it is not installed.

    It is closed after the module, because Playwright keeps an event loop that excludes those of other tests.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("left out: needs Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        # The sandbox needs rights that containers lack; only our own pages are opened.
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()
