"""Starts every process that a server starts on demand, so that a later reading of its memory shows growth alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc

from benchmarks.overload.attack import backtest_request
from collateral_registry.v1 import revaluation_pb2, revaluation_pb2_grpc
from tests.support.contract_book import Book

MODEL_CALLS = 4
"""Calls at once, more than there are processes for models, so that each process starts."""

SECONDS = 120.0


def start_workers(book: Book) -> None:
    """Lets a server compute models, a revaluation and a preview."""
    with ThreadPoolExecutor(MODEL_CALLS) as callers:
        for _ in callers.map(lambda _: _backtest(book), range(MODEL_CALLS)):
            pass
    book.call("StartRevaluation", revaluation_pb2.StartRevaluationRequest())
    book.quiet()
    stub = revaluation_pb2_grpc.RevaluationServiceStub(book.client.channel)
    list(stub.PreviewRevaluation(revaluation_pb2.PreviewRevaluationRequest(include_assets=True), timeout=SECONDS))


def _backtest(book: Book) -> None:
    with suppress(grpc.RpcError):  # the server may refuse more calls than it has processes
        book.client.haircuts.BacktestHaircut(backtest_request(), timeout=SECONDS)
