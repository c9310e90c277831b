"""Imports files row by row; a refused row is reported with its line and does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import Parse, ParseError
from rich.console import Console
from rich.progress import Progress

from collateral_partner.terminal import error_text
from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.common.file_schemas import SCHEMAS, Row
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing import messages
from collateral_registry.cli.importing.batches import batches
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    assignment_pb2_grpc,
    debtor_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
)
from valuation.tables.reader import NumberedRow, read_file

BATCH_ROWS = 5_000
BATCH_BYTES = 3 * 1024 * 1024  # the server accepts 4 MiB
BATCH_ASSETS = 200
SHOWN_PROBLEMS = 50
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
}
"""Statuses that concern the row only; any other status ends the import."""

Numbered = tuple[int, Any]
"""Line number in the file, and the message made of that line."""

IngestResponse = price_pb2.IngestPricesResponse | price_pb2.IngestFxRatesResponse


@dataclass(frozen=True)
class BatchedKind:
    """How a kind of file is sent in batches: the parser of a row, the constructor of a request, and the call."""

    reader: Callable[[Row], Any]
    request: Callable[[list[Any]], Any]
    call: Callable[[Any, Any], Any]


BATCHED = {
    "prices": BatchedKind(
        messages.price_observation,
        lambda found: price_pb2.IngestPricesRequest(observations=found),
        lambda stub, request: stub.IngestPrices(request),
    ),
    "fx": BatchedKind(
        messages.fx_rate,
        lambda found: price_pb2.IngestFxRatesRequest(rates=found),
        lambda stub, request: stub.IngestFxRates(request),
    ),
}


@dataclass
class Tally:
    """Counts of accepted, known, quarantined and refused rows, and the problems with their lines."""

    accepted: int = 0
    known: int = 0
    quarantined: int = 0
    refused: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        """Counts a refused row and records its reason."""
        self.refused += 1
        self.problems.append((line, reason))

    def summary(self, file_kind: str) -> str:
        """Returns the counts as one line of text."""
        quarantined = f"{self.quarantined} quarantined, " if self.quarantined else ""
        return f"{file_kind}: {self.accepted} accepted, {self.known} already known, {quarantined}{self.refused} refused"


def import_file(channel: grpc.Channel, file_kind: str, path: Path) -> int:
    """Imports a file and returns the exit code; prints a summary and the refusals, even if the server fails.

    Raises ValueError if the file is refused as a whole, OSError if it cannot be read, and grpc.RpcError if the server
    fails.
    """
    table = read_file(path, SCHEMAS[file_kind])
    tally = Tally()
    for refused in table.refused:
        tally.refuse(refused.line, refused.reason)
    try:
        import_rows(channel, file_kind, list(table.rows()), tally)
    finally:
        print_line(tally.summary(file_kind))
        for line, reason in sorted(tally.problems)[:SHOWN_PROBLEMS]:
            print_line(f"{path.name}:{line}: {reason}", to_stderr=True)
        if len(tally.problems) > SHOWN_PROBLEMS:
            print_line(f"... and {len(tally.problems) - SHOWN_PROBLEMS} more", to_stderr=True)
    return EXIT_SOME_REFUSED if tally.problems else 0


def import_rows(channel: grpc.Channel, file_kind: str, numbered: Sequence[NumberedRow], tally: Tally) -> None:
    """Imports rows of one kind and counts them; shows a progress bar on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(file_kind, total=len(numbered))
        if file_kind in BATCHED:
            batched = BATCHED[file_kind]
            parsed = _parse(numbered, batched.reader, tally)
            progress.advance(task, len(numbered) - len(parsed))
            for batch in batches(parsed, BATCH_ROWS, BATCH_BYTES):
                _import_batch(price_pb2_grpc.PriceServiceStub(channel), batched, batch, tally)
                progress.advance(task, len(batch))
            return
        import_one = _single_call(channel, file_kind)
        for start in range(0, len(numbered), BATCH_ASSETS):
            rows = numbered[start : start + BATCH_ASSETS]
            if file_kind == "assets" and _create_together(channel, rows, tally):
                progress.advance(task, len(rows))
                continue
            for row in rows:
                _import_row(import_one, row, tally)
                progress.advance(task)


def _parse(numbered: Sequence[NumberedRow], reader: Callable[[Row], Any], tally: Tally) -> list[Numbered]:
    """Returns the messages of the valid rows with their lines; invalid rows are counted as refused."""
    parsed = []
    for row in numbered:
        try:
            parsed.append((row.line, reader(row.values)))
        except (ValueError, KeyError) as error:
            tally.refuse(row.line, _reason(error))
    return parsed


def _import_batch(
    stub: price_pb2_grpc.PriceServiceStub, batched: BatchedKind, batch: Sequence[Numbered], tally: Tally
) -> None:
    answer = batched.call(stub, with_request_id(batched.request([message for _, message in batch])))
    refused = [batch[index] for index, _ in _count(answer, batch, tally)]
    if not refused:
        return
    # The server replays its stored answer for a request id it has seen, even if the cause of a refusal has since been
    # fixed. The refused rows are therefore sent again without an id.
    answer = batched.call(stub, batched.request([message for _, message in refused]))
    for index, reason in _count(answer, refused, tally):
        tally.refuse(refused[index][0], reason)


def _count(answer: IngestResponse, batch: Sequence[Numbered], tally: Tally) -> list[tuple[int, str]]:
    """Counts the results of a batch; returns the index and reason of each refused row."""
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


def _create_together(channel: grpc.Channel, rows: Sequence[NumberedRow], tally: Tally) -> bool:
    """Registers assets in one call; returns False if one of them is refused, so that none is registered."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    try:
        requests = [messages.asset_request(row.values) for row in rows]
        stub.BatchCreateAssets(with_request_id(asset_pb2.BatchCreateAssetsRequest(requests=requests)))
    except (ValueError, KeyError):
        return False
    except grpc.RpcError as error:
        if error.code() not in REFUSALS:
            raise
        return False
    tally.accepted += len(rows)
    return True


def _single_call(channel: grpc.Channel, file_kind: str) -> Callable[[Row], Any]:
    """Returns the call that imports a single row, for a kind of file without a batch call."""
    assets = asset_pb2_grpc.AssetServiceStub(channel)
    assignments = assignment_pb2_grpc.AssignmentServiceStub(channel)
    debtors = debtor_pb2_grpc.DebtorServiceStub(channel)
    loans = loan_pb2_grpc.LoanServiceStub(channel)
    prices = price_pb2_grpc.PriceServiceStub(channel)

    @cache
    def currency_of(loan: str) -> str:
        currency: str = loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{loan}")).currency_code
        return currency

    def pledge_asset(row: Row) -> None:
        loans.PledgeAsset(with_request_id(messages.pledge_request(row, currency_of(row["loan"]))))

    return {
        "assets": lambda row: assets.CreateAsset(with_request_id(messages.asset_request(row))),
        "debtors": lambda row: debtors.CreateDebtor(with_request_id(messages.debtor_request(row))),
        "limits": lambda row: assignments.RecordDebtorLimit(with_request_id(messages.limit_request(row))),
        "loans": lambda row: loans.CreateLoan(with_request_id(messages.loan_request(row))),
        "series": lambda row: prices.CreatePriceSeries(with_request_id(messages.series_request(row))),
        "pledges": pledge_asset,
    }[file_kind]


def _import_row(import_one: Callable[[Row], Any], row: NumberedRow, tally: Tally) -> None:
    try:
        import_one(row.values)
        tally.accepted += 1
    except (ValueError, KeyError) as error:
        tally.refuse(row.line, _reason(error))
    except grpc.RpcError as error:
        if error.code() not in REFUSALS:
            raise
        tally.refuse(row.line, error_text(error))


def store_policy(channel: grpc.Channel, path: Path) -> None:
    """Stores a policy version from the JSON of its message, without activating it; raises ValueError if invalid."""
    try:
        policy = Parse(path.read_text(encoding="utf-8-sig"), policy_pb2.Policy())
    except (ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    policy_id = policy.name.removeprefix("policies/")
    if not policy_id:
        raise ValueError(f"{path.name}: name: got nothing, want policies/ and an id")
    request = policy_pb2.CreatePolicyRequest(policy=policy, policy_id=policy_id)
    stored = policy_pb2_grpc.PolicyServiceStub(channel).CreatePolicy(with_request_id(request))
    print_line(f"policy: {stored.name} is stored; it takes effect when it is activated")


def _reason(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
