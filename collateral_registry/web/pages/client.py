"""The book as the pages read it: the methods of the contract, called with the credentials of the reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from collateral_registry.v1 import (
    asset_pb2_grpc,
    assignment_pb2_grpc,
    borrowing_base_pb2_grpc,
    breach_pb2_grpc,
    business_date_pb2_grpc,
    certificate_pb2_grpc,
    concentration_pb2_grpc,
    debtor_pb2_grpc,
    difference_pb2_grpc,
    disposal_pb2_grpc,
    facets_pb2_grpc,
    finding_pb2_grpc,
    haircut_pb2_grpc,
    history_pb2_grpc,
    invoice_feed_pb2_grpc,
    loan_pb2_grpc,
    policy_pb2_grpc,
    price_pb2_grpc,
    proposal_pb2_grpc,
    receivable_pb2_grpc,
    report_pb2_grpc,
    revaluation_pb2_grpc,
    saved_view_pb2_grpc,
    service_info_pb2_grpc,
    valuation_pb2_grpc,
    verification_pb2_grpc,
)

M = TypeVar("M", bound=Message)
Answer_co = TypeVar("Answer_co", covariant=True)

CALL_SECONDS = 30.0
"""Longest time of a call that a page makes."""


PAGE_ROWS = 1_000
"""Rows of a page of a list that is read as a whole, the most that the contract allows."""

ROWS_READ = 10_000
"""Most rows of a list that is read as a whole."""


class Listing(Protocol):
    """Request of a list."""

    page_size: int
    page_token: str


class Stream(Protocol[Answer_co]):
    """Responses of a call that can be ended early."""

    def __aiter__(self) -> AsyncIterator[Answer_co]: ...

    def cancel(self) -> bool:
        """Ends the call."""
        ...


class Services:
    """Stubs of the services that pages use, on one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.assets = asset_pb2_grpc.AssetServiceStub(channel)
        self.borrowing_bases = borrowing_base_pb2_grpc.BorrowingBaseServiceStub(channel)
        self.assignments = assignment_pb2_grpc.AssignmentServiceStub(channel)
        self.breaches = breach_pb2_grpc.BreachServiceStub(channel)
        self.certificates = certificate_pb2_grpc.CertificateServiceStub(channel)
        self.concentrations = concentration_pb2_grpc.ConcentrationServiceStub(channel)
        self.dates = business_date_pb2_grpc.BusinessDateServiceStub(channel)
        self.debtors = debtor_pb2_grpc.DebtorServiceStub(channel)
        self.differences = difference_pb2_grpc.DifferenceServiceStub(channel)
        self.disposals = disposal_pb2_grpc.DisposalServiceStub(channel)
        self.facets = facets_pb2_grpc.FacetServiceStub(channel)
        self.findings = finding_pb2_grpc.FindingServiceStub(channel)
        self.haircuts = haircut_pb2_grpc.HaircutServiceStub(channel)
        self.history = history_pb2_grpc.HistoryServiceStub(channel)
        self.info = service_info_pb2_grpc.ServiceInfoServiceStub(channel)
        self.invoice_feeds = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
        self.loans = loan_pb2_grpc.LoanServiceStub(channel)
        self.policies = policy_pb2_grpc.PolicyServiceStub(channel)
        self.prices = price_pb2_grpc.PriceServiceStub(channel)
        self.proposals = proposal_pb2_grpc.ProposalServiceStub(channel)
        self.receivables = receivable_pb2_grpc.ReceivableServiceStub(channel)
        self.reports = report_pb2_grpc.ReportServiceStub(channel)
        self.revaluations = revaluation_pb2_grpc.RevaluationServiceStub(channel)
        self.saved_views = saved_view_pb2_grpc.SavedViewServiceStub(channel)
        self.valuations = valuation_pb2_grpc.ValuationServiceStub(channel)
        self.verifications = verification_pb2_grpc.VerificationServiceStub(channel)


@dataclass(frozen=True)
class Book:
    """The services with the credentials of one reader.

    ``cut`` holds the names of the lists that have more rows than were read.
    """

    services: Services
    metadata: tuple[tuple[str, str], ...]
    cut: set[str] = field(default_factory=set, compare=False)

    @property
    def states_credentials(self) -> bool:
        """Whether the reader states credentials; its changes are then made in its own name."""
        return any(name == "authorization" for name, _ in self.metadata)

    async def call(self, method: Callable[..., Awaitable[M]], request: Message) -> M:
        """Returns the response to a call; raises grpc.aio.AioRpcError."""
        return await method(request, metadata=self.metadata, timeout=CALL_SECONDS)

    async def rows(self, method: Callable[..., Awaitable[M]], request: Listing, name: str) -> list[Any]:
        """Returns the rows of a list, at most ROWS_READ; ``name`` is their field in a response.

        Sets the page of the request, and adds the name to ``cut`` if there are more. Raises grpc.aio.AioRpcError.
        """
        found: list[Any] = []
        request.page_size = PAGE_ROWS
        while len(found) < ROWS_READ:
            page: Any = await method(request, metadata=self.metadata, timeout=CALL_SECONDS)
            found += getattr(page, name)
            request.page_token = page.next_page_token
            if not request.page_token:
                break
        self.note_cut(name, request.page_token)
        return found

    def note_cut(self, name: str, page_token: str) -> None:
        """Notes that a list has more rows than were read, if the token of its next page is not empty."""
        if page_token:
            self.cut.add(name)

    def stream(self, method: Callable[..., Stream[M]], request: Message, seconds: float) -> Stream[M]:
        """Returns the responses of a call that lasts at most a time."""
        return method(request, metadata=self.metadata, timeout=seconds)
