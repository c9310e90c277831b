"""Bringing the rows of a file to the server: in batches, each row on its own, every refusal named by its line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import Parse, ParseError
from rich.console import Console
from rich.progress import Progress

from collateral_registry.cli import rows
from collateral_registry.cli.request_id import identified
from collateral_registry.cli.rows import NumberedRow
from collateral_registry.cli.session import EXIT_SOME_REFUSED, sentence
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

Send = Callable[[list[Any]], Any]


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


def bring_file(channel: grpc.Channel, facts: str, path: Path) -> int:
    """Brings a CSV file; prints a summary and every refusal, also when the server goes; returns the exit code.

    Raises ValueError when the file cannot be read, grpc.RpcError when the server goes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            numbered = list(rows.read_rows(file, facts))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    tally = Tally()
    try:
        bring_rows(channel, facts, numbered, tally)
    finally:
        _print(tally.summary(facts))
        for line, why in sorted(tally.problems)[:SHOWN_PROBLEMS]:
            _print(f"{path.name}:{line}: {why}", error=True)
        if len(tally.problems) > SHOWN_PROBLEMS:
            _print(f"... and {len(tally.problems) - SHOWN_PROBLEMS} more", error=True)
    return EXIT_SOME_REFUSED if tally.problems else 0


def bring_rows(channel: grpc.Channel, facts: str, numbered: Sequence[NumberedRow], tally: Tally) -> None:
    """Brings rows of one sort, counting them, with a progress bar where somebody looks."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(facts, total=len(numbered))
        if facts in {"prices", "fx"}:
            found = _readable(numbered, rows.price_observation if facts == "prices" else rows.fx_rate, tally)
            send = _send_prices(channel) if facts == "prices" else _send_rates(channel)
            progress.advance(task, len(numbered) - len(found))
            for batch in rows.batches(found, BATCH_ROWS, BATCH_BYTES):
                _bring_batch(send, batch, tally)
                progress.advance(task, len(batch))
            return
        bring_one = _one_by_one(channel, facts)
        for row in numbered:
            _bring_one(bring_one, row, tally)
            progress.advance(task)


def _readable(
    numbered: Sequence[NumberedRow], reader: Callable[[rows.Row], Any], tally: Tally
) -> list[tuple[int, Any]]:
    """The messages of those rows that can be read, with their lines; the others are refused."""
    found = []
    for row in numbered:
        try:
            found.append((row.line, reader(row.fitting)))
        except (ValueError, KeyError) as error:
            tally.refuse(row.line, _said(error))
    return found


def _send_prices(channel: grpc.Channel) -> Send:
    stub = price_pb2_grpc.PriceServiceStub(channel)
    return lambda found: stub.IngestPrices(identified(price_pb2.IngestPricesRequest(observations=found)))


def _send_rates(channel: grpc.Channel) -> Send:
    stub = price_pb2_grpc.PriceServiceStub(channel)
    return lambda found: stub.IngestFxRates(identified(price_pb2.IngestFxRatesRequest(rates=found)))


def _bring_batch(send: Send, batch: Sequence[tuple[int, Any]], tally: Tally) -> None:
    answer = send([message for _, message in batch])
    tally.accepted += answer.accepted_count
    tally.known += answer.duplicate_count
    for problem in answer.problems:
        line = batch[problem.index][0]
        if problem.verdict == price_pb2.PRICE_VERDICT_QUARANTINED:
            tally.quarantined += 1
            tally.problems.append((line, f"quarantined: {problem.reason}"))
        else:
            tally.refuse(line, problem.reason)


def _one_by_one(channel: grpc.Channel, facts: str) -> Callable[[rows.Row], Any]:
    """The call that brings one row of a sort."""
    assets = asset_pb2_grpc.AssetServiceStub(channel)
    loans = loan_pb2_grpc.LoanServiceStub(channel)
    prices = price_pb2_grpc.PriceServiceStub(channel)

    def bring_pledge(row: rows.Row) -> loan_pb2.Pledge:
        loan = loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{row['loan']}"))
        return loans.PledgeAsset(identified(rows.pledge_request(row, loan.currency_code)))

    return {
        "assets": lambda row: assets.CreateAsset(identified(rows.asset_request(row))),
        "loans": lambda row: loans.CreateLoan(identified(rows.loan_request(row))),
        "series": lambda row: prices.CreatePriceSeries(identified(rows.series_request(row))),
        "pledges": bring_pledge,
    }[facts]


def _bring_one(bring: Callable[[rows.Row], Any], row: NumberedRow, tally: Tally) -> None:
    try:
        bring(row.fitting)
        tally.accepted += 1
    except (ValueError, KeyError) as error:
        tally.refuse(row.line, _said(error))
    except grpc.RpcError as error:
        if error.code() not in REFUSALS:
            raise
        tally.refuse(row.line, sentence(error))


def bring_policy(channel: grpc.Channel, path: Path) -> None:
    """Stores a version of the policy from the JSON of its message; raises ValueError when it cannot be read."""
    try:
        policy = Parse(path.read_text(encoding="utf-8-sig"), policy_pb2.Policy())
    except (ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    policy_id = policy.name.removeprefix("policies/")
    if not policy_id:
        raise ValueError(f"{path.name}: name: got nothing, want policies/ and an id")
    request = policy_pb2.CreatePolicyRequest(policy=policy, policy_id=policy_id)
    stored = policy_pb2_grpc.PolicyServiceStub(channel).CreatePolicy(identified(request))
    _print(f"policy: {stored.name} is stored; it changes nothing until it is activated")


def _said(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)


def _print(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout)
