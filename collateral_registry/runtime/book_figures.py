"""Keeps the metrics of the book current when they are scraped, without a reading of the whole book each time."""

from __future__ import annotations

import asyncio
import time
from contextvars import Context

from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.logs import logger
from collateral_registry.metrics import (
    BOOK_BUSINESS_DATE,
    BOOK_COMMIT,
    BOOK_COMMIT_TIME,
    BOOK_EXPOSURE,
    BOOK_LOANS,
    BOOK_OLDEST_PRICE_AGE,
    BOOK_PENDING_STOCK,
    BOOK_READ_SECONDS,
    BOOK_READ_TIME,
    BOOK_REJECTED_MOVEMENTS,
)
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commits import newest_commit, newest_time
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.figures import loan_figures
from collateral_registry.store.stock.figures import open_rejections, pending_changes

LOG = logger("metrics")

WAIT_SECONDS = 2.0
"""Longest time for which a scrape waits for the figures; a longer reading is finished for the next scrape."""

REST_SECONDS = 15.0
"""Shortest time between two readings of the stock, and of all loans."""

REST_FACTOR = 20
"""Shortest time between two readings of all loans, as a multiple of the duration of the last one."""

DAY_SECONDS = 86_400
COVERAGES = ("KNOWN", "UNKNOWN")


class BookFigures:
    """Sets the metrics of one book."""

    def __init__(self, runner: BookRunner, lender: str) -> None:
        """Stores the label of the lender."""
        self._runner = runner
        self._lender = lender
        self._reading: asyncio.Task[None] | None = None
        self._stock_due = self._loans_due = 0.0
        self._seq = -1
        self._currencies: set[str] = set()
        self._trouble = ""

    async def refresh(self) -> None:
        """Starts to read what is due, unless that is going on, and waits for it a while; raises nothing."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), context=Context())
        await asyncio.wait({self._reading}, timeout=WAIT_SECONDS)

    async def _read(self) -> None:
        """Reads what is due; logs each new cause of a failure once."""
        trouble = ""
        try:
            await self._runner.read(self._update)
        except DomainError as error:
            trouble = str(error)
            if trouble != self._trouble:
                LOG.warning("the metrics of the book were not read; trying again at each scrape", cause=trouble)
        except Exception as error:  # a scrape must return the other metrics
            trouble = repr(error)
            if trouble != self._trouble:
                LOG.exception("the metrics of the book were not read; trying again at each scrape")
        self._trouble = trouble

    def _update(self, connection: Connection) -> None:
        start, (seq, market_day) = time.monotonic(), newest_commit(connection)
        BOOK_COMMIT.labels(self._lender).set(seq)
        BOOK_COMMIT_TIME.labels(self._lender).set(newest_time(connection) / 1e6)
        BOOK_BUSINESS_DATE.labels(self._lender).set(market_day * DAY_SECONDS)
        if start >= self._stock_due:
            BOOK_REJECTED_MOVEMENTS.labels(self._lender).set(open_rejections(connection))
            BOOK_PENDING_STOCK.labels(self._lender).set(pending_changes(connection))
            self._stock_due = time.monotonic() + REST_SECONDS
        if seq != self._seq and start >= self._loans_due:
            self._set_loans(connection, seq, market_day)
            duration = time.monotonic() - start
            BOOK_READ_SECONDS.labels(self._lender).set(duration)
            self._seq, self._loans_due = seq, time.monotonic() + max(REST_SECONDS, REST_FACTOR * duration)
        if seq == self._seq:
            BOOK_READ_TIME.labels(self._lender).set_to_current_time()

    def _set_loans(self, connection: Connection, seq: int, market_day: int) -> None:
        found = loan_figures(connection, seq)
        exposures = dict.fromkeys(self._currencies, 0.0)  # of a currency without loans by now too
        loans = {(level.name, coverage): 0 for level in Level for coverage in COVERAGES}
        for one in found:
            amount = one.exposure_minor / 10 ** digits_of(one.currency)
            exposures[one.currency] = exposures.get(one.currency, 0.0) + amount
            loans[Level(one.level).name, COVERAGES[one.is_unknown]] += one.loans
        self._currencies = set(exposures)
        for currency, exposure in exposures.items():
            BOOK_EXPOSURE.labels(currency, self._lender).set(exposure)
        for labels, count in loans.items():
            BOOK_LOANS.labels(*labels, self._lender).set(count)
        oldest = min((one.oldest_day for one in found if one.oldest_day != NO_DAY), default=market_day)
        BOOK_OLDEST_PRICE_AGE.labels(self._lender).set((market_day - oldest) * DAY_SECONDS)
