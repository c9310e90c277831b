"""Bringing the rows of a file to the server: in batches, each row on its own, every refusal named by its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import Parse, ParseError
from rich.console import Console
from rich.progress import Progress

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, error_text, print_line
from collateral_registry.cli.common.csv_rows import NumberedRow, Row, batches, read_rows
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing import messages
from collateral_registry.v1 import (
    asset_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
)

BATCH_ROWS = 5_000
BATCH_BYTES = 3 * 1024 * 1024  # the server takes 4 MiB
SHOWN_PROBLEMS = 50
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
}
"""Statuses that are about the row; any other ends the work."""

Numbered = tuple[int, Any]
"""A message with the line it was read from."""


@dataclass(frozen=True)
class Batched:
    """Facts that go many to a message: how a row is read, what asks for them, and the call."""

    reader: Callable[[Row], Any]
    request: Callable[[list[Any]], Any]
    call: Callable[[Any, Any], Any]


BATCHED = {
    "prices": Batched(
        messages.price_observation,
        lambda found: price_pb2.IngestPricesRequest(observations=found),
        lambda stub, request: stub.IngestPrices(request),
    ),
    "fx": Batched(
        messages.fx_rate,
        lambda found: price_pb2.IngestFxRatesRequest(rates=found),
        lambda stub, request: stub.IngestFxRates(request),
    ),
}


@dataclass
class Tally:
    """What became of the rows of a file."""

    accepted: int = 0
    known: int = 0
    quarantined: int = 0
    refused: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        """Counts a row that was refused."""
        self.refused += 1
        self.problems.append((line, why))

    def summary(self, facts: str) -> str:
        """The counts in a line."""
        aside = f"{self.quarantined} quarantined, " if self.quarantined else ""
        return f"{facts}: {self.accepted} taken in, {self.known} known already, {aside}{self.refused} refused"


def import_file(channel: grpc.Channel, facts: str, path: Path) -> int:
    """Brings a CSV file; prints a summary and every refusal, also when the server goes; returns the exit code.

    Raises ValueError when the file cannot be read, grpc.RpcError when the server goes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            numbered = list(read_rows(file, facts))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    tally = Tally()
    try:
        import_rows(channel, facts, numbered, tally)
    finally:
        print_line(tally.summary(facts))
        for line, why in sorted(tally.problems)[:SHOWN_PROBLEMS]:
            print_line(f"{path.name}:{line}: {why}", to_stderr=True)
        if len(tally.problems) > SHOWN_PROBLEMS:
            print_line(f"... and {len(tally.problems) - SHOWN_PROBLEMS} more", to_stderr=True)
    return EXIT_SOME_REFUSED if tally.problems else 0


def import_rows(channel: grpc.Channel, facts: str, numbered: Sequence[NumberedRow], tally: Tally) -> None:
    """Brings rows of one sort, counting them, with a progress bar where somebody looks."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(facts, total=len(numbered))
        if facts in BATCHED:
            batched = BATCHED[facts]
            found = _readable(numbered, batched.reader, tally)
            progress.advance(task, len(numbered) - len(found))
            for batch in batches(found, BATCH_ROWS, BATCH_BYTES):
                _bring_batch(price_pb2_grpc.PriceServiceStub(channel), batched, batch, tally)
                progress.advance(task, len(batch))
            return
        bring_one = _one_by_one(channel, facts)
        for row in numbered:
            _bring_one(bring_one, row, tally)
            progress.advance(task)


def _readable(numbered: Sequence[NumberedRow], reader: Callable[[Row], Any], tally: Tally) -> list[Numbered]:
    """The messages of those rows that can be read, with their lines; the others are refused."""
    found = []
    for row in numbered:
        try:
            found.append((row.line, reader(row.fitting)))
        except (ValueError, KeyError) as error:
            tally.refuse(row.line, _said(error))
    return found


def _bring_batch(stub: Any, batched: Batched, batch: Sequence[Numbered], tally: Tally) -> None:  # noqa: ANN401 - a stub
    answer = batched.call(stub, with_request_id(batched.request([message for _, message in batch])))
    refused = [batch[index] for index, _ in _count(answer, batch, tally)]
    if not refused:
        return
    # A batch brought before gets its first answer, given perhaps before the cause was mended: these are asked anew.
    answer = batched.call(stub, batched.request([message for _, message in refused]))
    for index, reason in _count(answer, refused, tally):
        tally.refuse(refused[index][0], reason)


def _count(answer: Any, batch: Sequence[Numbered], tally: Tally) -> list[tuple[int, str]]:  # noqa: ANN401 - an answer
    """Counts what a batch came to, and returns the places and reasons of what was refused."""
    tally.accepted += answer.accepted_count
    tally.known += answer.duplicate_count
    refused = []
    for problem in answer.problems:
        if problem.verdict == price_pb2.PRICE_VERDICT_QUARANTINED:
            tally.quarantined += 1
            tally.problems.append((batch[problem.index][0], f"quarantined: {problem.reason}"))
        else:
            refused.append((problem.index, problem.reason))
    return refused


def _one_by_one(channel: grpc.Channel, facts: str) -> Callable[[Row], Any]:
    """The call that brings one row of a sort."""
    assets = asset_pb2_grpc.AssetServiceStub(channel)
    loans = loan_pb2_grpc.LoanServiceStub(channel)
    prices = price_pb2_grpc.PriceServiceStub(channel)

    def bring_pledge(row: Row) -> Any:  # noqa: ANN401 - an answer
        loan = loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{row['loan']}"))
        return loans.PledgeAsset(with_request_id(messages.pledge_request(row, loan.currency_code)))

    return {
        "assets": lambda row: assets.CreateAsset(with_request_id(messages.asset_request(row))),
        "loans": lambda row: loans.CreateLoan(with_request_id(messages.loan_request(row))),
        "series": lambda row: prices.CreatePriceSeries(with_request_id(messages.series_request(row))),
        "pledges": bring_pledge,
    }[facts]


def _bring_one(bring: Callable[[Row], Any], row: NumberedRow, tally: Tally) -> None:
    try:
        bring(row.fitting)
        tally.accepted += 1
    except (ValueError, KeyError) as error:
        tally.refuse(row.line, _said(error))
    except grpc.RpcError as error:
        if error.code() not in REFUSALS:
            raise
        tally.refuse(row.line, error_text(error))


def store_policy(channel: grpc.Channel, path: Path) -> None:
    """Stores a version of the policy from the JSON of its message; raises ValueError when it cannot be read."""
    try:
        policy = Parse(path.read_text(encoding="utf-8-sig"), policy_pb2.Policy())
    except (ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    policy_id = policy.name.removeprefix("policies/")
    if not policy_id:
        raise ValueError(f"{path.name}: name: got nothing, want policies/ and an id")
    request = policy_pb2.CreatePolicyRequest(policy=policy, policy_id=policy_id)
    stored = policy_pb2_grpc.PolicyServiceStub(channel).CreatePolicy(with_request_id(request))
    print_line(f"policy: {stored.name} is stored; it changes nothing until it is activated")


def _said(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
