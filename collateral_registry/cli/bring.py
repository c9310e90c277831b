"""Bringing the rows of a file to the server: in batches, each row on its own, every refusal named by its line."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console
from rich.progress import Progress

from collateral_registry.cli import rows
from collateral_registry.cli.rows import NumberedRow
from collateral_registry.cli.session import EXIT_SOME_REFUSED
from collateral_registry.v1 import asset_pb2_grpc, loan_pb2, loan_pb2_grpc, price_pb2, price_pb2_grpc

BATCH_ROWS = 5_000
SHOWN_PROBLEMS = 50


@dataclass
class Tally:
    """What became of the rows of a file."""

    accepted: int = 0
    known: int = 0
    problems: list[str] = field(default_factory=list)


def bring_file(channel: grpc.Channel, facts: str, path: Path) -> int:
    """Brings a file; prints a summary and every refusal, and returns the exit code."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        numbered = list(rows.read_rows(file))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    tally = bring_rows(channel, facts, numbered, digest)
    _print(f"{facts}: {tally.accepted} taken in, {tally.known} known already, {len(tally.problems)} refused")
    for problem in tally.problems[:SHOWN_PROBLEMS]:
        _print(f"{path.name}:{problem}", error=True)
    if len(tally.problems) > SHOWN_PROBLEMS:
        _print(f"... and {len(tally.problems) - SHOWN_PROBLEMS} more", error=True)
    return EXIT_SOME_REFUSED if tally.problems else 0


def bring_rows(channel: grpc.Channel, facts: str, numbered: Sequence[NumberedRow], digest: str) -> Tally:
    """Brings rows of one sort with a progress bar where somebody looks."""
    tally = Tally()
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(facts, total=len(numbered))
        bring = {"prices": _bring_prices, "fx": _bring_rates}.get(facts)
        if bring is not None:
            for number, batch in enumerate(rows.batches(numbered, BATCH_ROWS)):
                bring(channel, batch, f"{digest}-{number}", tally)
                progress.advance(task, len(batch))
            return tally
        one = _one_by_one(channel, facts)
        for row in numbered:
            _bring_one(one, row, tally)
            progress.advance(task)
    return tally


def _readable(batch: Sequence[NumberedRow], reader: Callable[[Any], Any], tally: Tally) -> list[tuple[int, Any]]:
    """The messages of those rows that can be read, with their lines; the others become problems."""
    found = []
    for row in batch:
        try:
            found.append((row.line, reader(row.values)))
        except (ValueError, KeyError) as error:
            tally.problems.append(f"{row.line}: {_said(error)}")
    return found


def _bring_prices(channel: grpc.Channel, batch: Sequence[NumberedRow], request_id: str, tally: Tally) -> None:
    found = _readable(batch, rows.price_observation, tally)
    request = price_pb2.IngestPricesRequest(observations=[message for _, message in found], request_id=request_id)
    if found:
        _count(price_pb2_grpc.PriceServiceStub(channel).IngestPrices(request), [line for line, _ in found], tally)


def _bring_rates(channel: grpc.Channel, batch: Sequence[NumberedRow], request_id: str, tally: Tally) -> None:
    found = _readable(batch, rows.fx_rate, tally)
    request = price_pb2.IngestFxRatesRequest(rates=[message for _, message in found], request_id=request_id)
    if found:
        _count(price_pb2_grpc.PriceServiceStub(channel).IngestFxRates(request), [line for line, _ in found], tally)


def _count(
    answer: price_pb2.IngestPricesResponse | price_pb2.IngestFxRatesResponse, lines: list[int], tally: Tally
) -> None:
    tally.accepted += answer.accepted_count
    tally.known += answer.duplicate_count
    tally.problems += [f"{lines[problem.index]}: {problem.reason}" for problem in answer.problems]


def _one_by_one(channel: grpc.Channel, facts: str) -> Callable[[Any], Any]:
    """The call that brings one row of a sort."""
    assets = asset_pb2_grpc.AssetServiceStub(channel)
    loans = loan_pb2_grpc.LoanServiceStub(channel)
    prices = price_pb2_grpc.PriceServiceStub(channel)

    def bring_pledge(row: Any) -> Any:  # noqa: ANN401 - a row
        loan = loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{row['loan']}"))
        return loans.PledgeAsset(rows.pledge_request(row, loan.currency_code))

    return {
        "assets": lambda row: assets.CreateAsset(rows.asset_request(row)),
        "loans": lambda row: loans.CreateLoan(rows.loan_request(row)),
        "series": lambda row: prices.CreatePriceSeries(rows.series_request(row)),
        "pledges": bring_pledge,
    }[facts]


def _bring_one(bring: Callable[[Any], Any], row: NumberedRow, tally: Tally) -> None:
    try:
        bring(row.values)
        tally.accepted += 1
    except (ValueError, KeyError) as error:
        tally.problems.append(f"{row.line}: {_said(error)}")
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            raise
        if error.code() == grpc.StatusCode.ALREADY_EXISTS and "id " in (error.details() or ""):
            tally.known += 1
        else:
            tally.problems.append(f"{row.line}: {error.details()}")


def _said(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)


def _print(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout)
