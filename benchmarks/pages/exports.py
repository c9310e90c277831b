"""Measures exports of a large book from a server, and how long the list of loans takes meanwhile.

``python -m benchmarks.pages.exports [LOANS]`` generates a book on SQLite and prints JSON lines.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.pages.book import make_pages_book
from collateral_registry.exports.report import Form
from tests.support.server import Server, free_port

LOANS = 100_000
PAGES = 20
PAUSE_SECONDS = 0.2
ANSWER_SECONDS = 600.0


def measure_server(loans: int) -> None:
    """Exports the loans of a generated book from a server, and prints how long the list of loans takes meanwhile."""
    address = f"127.0.0.1:{free_port()}"
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as threads:
        url = f"sqlite:///{Path(folder, 'book.db')}"
        make_pages_book(url, loans)
        server = Server(url, business_date="", options=["--http-address", address]).start()
        try:
            fetch(address, "/loans")
            quiet = [fetch(address, "/loans")[0] for _ in range(PAGES)]
            print(json.dumps({"measure": f"/loans of {loans:,} loans", **percentiles(quiet)}), flush=True)
            for form in (Form.CSV, Form.XLSX):
                exported, found = threads.submit(fetch, address, f"/loans.{form}"), []
                while not exported.done():
                    found.append(fetch(address, "/loans")[0])
                    time.sleep(PAUSE_SECONDS)
                seconds = round(exported.result()[1], 1)
                print(
                    json.dumps({"measure": f"/loans during /loans.{form}", "export_s": seconds, **percentiles(found)})
                )
        finally:
            server.stop()


def fetch(address: str, path: str) -> tuple[float, float]:
    """Returns the seconds until the first byte and until the last one."""
    connection = HTTPConnection(address, timeout=ANSWER_SECONDS)
    start = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    first = time.perf_counter() - start
    while answer.read(1 << 20):
        pass
    connection.close()
    assert answer.status == HTTPStatus.OK, path
    return first, time.perf_counter() - start


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Returns percentiles in milliseconds."""
    return {f"p{share}_ms": round(1000 * float(np.percentile(seconds, share)), 1) for share in (50, 95)}


if __name__ == "__main__":
    measure_server(int(sys.argv[1]) if len(sys.argv) > 1 else LOANS)
