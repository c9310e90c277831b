"""``make bench-pages``: the time to the first byte of each page of a large book while prices arrive, and the sizes.

Prints one JSON line for each page with its p50 and p95 in milliseconds and the processor time of the server for each
request, in which the work on the prices is included, and one for the bytes that a first visit of the loans transfers.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import random
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urljoin

import grpc
import numpy as np

from benchmarks.book import FIRST
from benchmarks.measured import peak_mb_of, processor_seconds_of
from benchmarks.pages.book import TICKING_SERIES, make_pages_book, ticking
from collateral_registry.v1 import price_pb2
from tests.support.server import Client, Server, free_port, observation

PRICES_PER_SECOND = 20
VISITS = 60
WARM_UP = 4
OVERVIEW_LIMIT_MS, PAGE_LIMIT_MS = 500, 300
COLD_LIMIT_KB, SCRIPT_LIMIT_KB = 110, 5
REST_SECONDS = 0.15
"""Pause of a reader between two pages."""

PAGES = (
    "/",
    "/loans",
    "/loans?level=beyond",
    "/loans?q=Firm+7&order=exposure+desc",
    "/loans/loan-7",
    "/breaches",
    "/assets",
    "/assets/lot-70007",
    "/prices",
    "/prices/series-1",
    "/reports",
    "/status",
)
LINKED = re.compile(rb'(?:href|src)="(/static/[^"]+)"')
IN_STYLE = re.compile(rb"url\(\"?([^)\"]+)\"?\)")


@dataclass(frozen=True)
class Visited:
    """Milliseconds until the first byte of each visit, and the processor seconds of the server for each."""

    milliseconds: Sequence[float]
    processor_seconds: float

    def at(self, percent: int) -> float:
        """Returns a percentile of the milliseconds."""
        return float(np.percentile(self.milliseconds, percent))


def fetched(host: str, path: str) -> tuple[float, bytes, int]:
    """Returns the seconds until the first byte, the body and the transferred bytes of an address."""
    connection = http.client.HTTPConnection(host, timeout=60)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Accept": "text/html"})
    response = connection.getresponse()
    seconds = time.perf_counter() - started
    body = response.read()
    connection.close()
    size = len(body)
    if response.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if response.status != HTTPStatus.OK:
        raise AssertionError(f"{path}: got {response.status}, want 200: {body.decode()[-1500:]}")
    return seconds, body, size


@contextmanager
def prices_coming_in(client: Client) -> Iterator[list[float]]:
    """Sends prices at an even pace in another thread; provides the seconds that each of them took."""
    stopping, taken, draw = threading.Event(), [], random.Random(1)

    def send() -> None:
        due = time.monotonic()
        while not stopping.is_set():
            series, price = ticking(draw.randrange(TICKING_SERIES)), f"{1000 + draw.uniform(-20, 20):.2f}"
            started = time.monotonic()
            quote = observation(series, FIRST + timedelta(days=1), price)
            client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=[quote]))
            taken.append(time.monotonic() - started)
            due += 1 / PRICES_PER_SECOND
            stopping.wait(max(0.0, due - time.monotonic()))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield taken
    finally:
        stopping.set()
        sender.join()


def visits(host: str, process: int, path: str, count: int) -> Visited:
    """Returns how long each visit of a page took, after a few that are not counted."""
    for _ in range(WARM_UP):
        fetched(host, path)
    before, found = processor_seconds_of(process), []
    for _ in range(count):
        found.append(1000 * fetched(host, path)[0])
        time.sleep(REST_SECONDS)
    return Visited(found, (processor_seconds_of(process) - before) / count)


def first_visit(host: str) -> tuple[int, int]:
    """Returns the transferred bytes of a first visit of the loans with all that the page needs, and of its scripts."""
    _, page, total = fetched(host, "/loans")
    scripts = 0
    for link in sorted(set(LINKED.findall(page))):
        path = link.decode()
        _, body, size = fetched(host, path)
        total += size
        scripts += size if path.endswith(".js") else 0
        fonts = IN_STYLE.findall(body) if path.endswith(".css") else []
        total += sum(fetched(host, urljoin(path, font.decode()))[2] for font in fonts if b"#" not in font)
    return total, scripts


def measure(url: str, count: int, only: Sequence[str]) -> None:
    """Starts a server on a book, and prints the figures of its pages."""
    host = f"127.0.0.1:{free_port()}"
    server = Server(url, options=["--http-address", host]).start()
    assert server.process is not None
    process = server.process.pid
    try:
        with grpc.insecure_channel(server.address) as channel:
            client = Client(channel)
            client.advance(FIRST + timedelta(days=1))
            with prices_coming_in(client) as taken:
                for path in [path for path in PAGES if path in only or not only]:
                    found = visits(host, process, path, count)
                    limit = OVERVIEW_LIMIT_MS if path == "/" else PAGE_LIMIT_MS
                    _print(path, found, limit)
                price = {"p50_ms": 1000 * float(np.median(taken)), "p95_ms": 1000 * float(np.percentile(taken, 95))}
                print(json.dumps({"measure": "price", "count": len(taken), **_rounded(price)}), flush=True)
            total, scripts = first_visit(host)
        sizes = {"kb": total / 1000, "limit_kb": COLD_LIMIT_KB}
        print(json.dumps({"measure": "first visit of the loans", **_rounded(sizes)}), flush=True)
        sizes = {"kb": scripts / 1000, "limit_kb": SCRIPT_LIMIT_KB}
        print(json.dumps({"measure": "scripts", **_rounded(sizes)}), flush=True)
        print(json.dumps({"measure": "memory", "peak_mb": round(peak_mb_of(process))}), flush=True)
    finally:
        server.stop()


def _print(path: str, found: Visited, limit: int) -> None:
    figures = {
        "p50_ms": found.at(50),
        "p95_ms": found.at(95),
        "limit_ms": limit,
        "processor_ms": 1000 * found.processor_seconds,
    }
    print(json.dumps({"measure": path, **_rounded(figures)}), flush=True)


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    """Generates the book, or takes one that was generated before, and measures the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=int, default=100_000, help="loans of the generated book")
    parser.add_argument("--visits", type=int, default=VISITS, help="visits of each page")
    parser.add_argument("--only", action="append", default=[], help="address; may be given more than once")
    parser.add_argument("--database", default="", help="URL of a copy of a generated book, which is changed")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{folder}/book.db"
        if not chosen.database:
            make_pages_book(url, chosen.loans)
        measure(url, chosen.visits, chosen.only)


if __name__ == "__main__":
    main()
