"""Opens price series and ingests prices and exchange rates. Each quote is judged on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.series import PriceSeries, fx_paths, fx_series
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.store.assets.repository import lots_without_series, rewrite_numbers
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Write
from collateral_registry.store.prices.series import (
    History,
    Latest,
    StoredSeries,
    find_series,
    fx_quotes,
    get_series,
    history,
    insert_prices,
    insert_series,
    series_keys,
    set_latest,
)
from collateral_registry.store.valuations.valuation_inputs import assets_of_series, foreign_assets, machines_of_classes
from valuation._typing import Int
from valuation.prices.admission import Admission, AdmissionVerdict, RefusalReason, admit, rewritten


@dataclass(frozen=True)
class Quote:
    """A dated price of a series, with its index in the message."""

    index: int
    series_id: str
    day: date
    price: Decimal


@dataclass(frozen=True)
class QuoteProblem:
    """The verdict on a quote, with the reason if it was not accepted."""

    index: int
    verdict: AdmissionVerdict
    reason: str


@dataclass(frozen=True)
class Ingested:
    """The result of a message of quotes."""

    accepted: int
    duplicates: int
    quarantined: int
    refused: int
    overtaken: int
    problems: Sequence[QuoteProblem]

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.accepted + self.quarantined > 0


def open_series(write: Write, series: PriceSeries) -> StoredSeries:
    """Opens a series. Lots that already refer to it by name get its unit and are valued."""
    insert_series(write, series)
    lots = lots_without_series(write.connection, series.series_id)
    for stored in lots:
        rewrite_numbers(write, stored)
    write.touched.add(assets=[stored.key for stored in lots])
    return get_series(write.connection, series.series_id)


@dataclass(frozen=True)
class PriceMessage:
    """The quotes of one message. ``refused`` are quotes that could not be parsed; they are counted as well."""

    quotes: Sequence[Quote]
    refused: Sequence[QuoteProblem] = ()


def ingest_prices(write: Write, quotes: Sequence[Quote], refused: Sequence[QuoteProblem] = ()) -> Ingested:
    """Ingests the prices of one message and revalues the assets that depend on a changed series."""
    return ingest_together(write, [PriceMessage(quotes, refused)])[0]


def ingest_together(write: Write, messages: Sequence[PriceMessage]) -> list[Ingested]:
    """Ingests messages that arrived together; the assets that depend on changed series are revalued once.

    If messages quote the same series on the same day, the quote of the last message is used. The others are counted as
    overtaken.
    """
    last_message = {(q.series_id, q.day): number for number, message in enumerate(messages) for q in message.quotes}
    kept = [
        [quote for quote in message.quotes if last_message[quote.series_id, quote.day] == number]
        for number, message in enumerate(messages)
    ]
    verdicts = _ingest(write, [(number, quote) for number, quotes in enumerate(kept) for quote in quotes])
    return [
        _ingested(message, [verdicts[number, quote.index] for quote in quotes])
        for number, (message, quotes) in enumerate(zip(messages, kept, strict=True))
    ]


QuoteIndex = tuple[int, int]
"""Index of a message, and index of a quote in that message."""


def _ingest(write: Write, quotes: Sequence[tuple[int, Quote]]) -> dict[QuoteIndex, QuoteProblem]:
    """Checks quotes against the history of their series, stores those not refused, and touches the dependent assets."""
    series = find_series(write.connection, sorted({quote.series_id for _, quote in quotes}))
    verdicts: dict[QuoteIndex, QuoteProblem] = {}
    admitted: dict[int, _Admitted] = {}
    for series_id, group in _by_series(quotes).items():
        indexes = [(number, quote.index) for number, quote in group]
        stored = series.get(series_id)
        if stored is None:
            missing = f"price_series: got priceSeries/{series_id}, want one that exists"
            verdicts |= {index: QuoteProblem(index[1], AdmissionVerdict.REFUSED, missing) for index in indexes}
            continue
        admitted[stored.key] = admission = _admit(write, stored, [quote for _, quote in group])
        verdicts |= dict(zip(indexes, admission.verdicts(), strict=True))
    _write(write, admitted)
    moved = np.array([key for key, admission in admitted.items() if admission.moves], dtype=np.int64)
    if len(moved):
        write.touched.add(assets=_dependent_assets(write, moved))
    return verdicts


def _ingested(message: PriceMessage, verdicts: Sequence[QuoteProblem]) -> Ingested:
    """Builds the result of a message from the verdicts on its quotes; overtaken quotes have none."""
    problems = [
        *message.refused,
        *(one for one in verdicts if one.verdict in {AdmissionVerdict.QUARANTINED, AdmissionVerdict.REFUSED}),
    ]
    kinds = [one.verdict for one in verdicts]
    return Ingested(
        accepted=kinds.count(AdmissionVerdict.ACCEPTED),
        duplicates=kinds.count(AdmissionVerdict.DUPLICATE),
        quarantined=kinds.count(AdmissionVerdict.QUARANTINED),
        refused=sum(problem.verdict == AdmissionVerdict.REFUSED for problem in problems),
        overtaken=len(message.quotes) - len(verdicts),
        problems=sorted(problems, key=lambda problem: problem.index),
    )


def ensure_fx_series(write: Write, pairs: set[tuple[str, str]]) -> None:
    """Opens the series of currency pairs that are quoted for the first time."""
    wanted = {fx.series_id: fx for fx in (fx_series(*pair) for pair in sorted(pairs))}
    known = find_series(write.connection, sorted(wanted))
    for series_id, series in wanted.items():
        if series_id not in known:
            insert_series(write, series)


@dataclass(frozen=True)
class _Admitted:
    """The quotes of one series with their verdicts, and the history they were compared with."""

    stored: StoredSeries
    quotes: Sequence[Quote]
    prices: NDArray[np.float64]
    before: History
    admission: Admission
    today: date

    @property
    def moves(self) -> bool:
        """Whether any quote was accepted."""
        return bool((self.admission.verdict == int(AdmissionVerdict.ACCEPTED)).any())

    @property
    def rewrites(self) -> bool:
        """Whether the quotes change the history before the newest price.

        They do if they add a price for an earlier day, or correct one by more than a usual daily move.
        """
        in_use = np.flatnonzero(self.admission.verdict == int(AdmissionVerdict.ACCEPTED))
        days = np.array([day_of(self.quotes[row].day) for row in in_use.tolist()], dtype=np.int64)
        released = self.admission.released
        days = np.concatenate([days, self.before.pending_day[released]])
        prices = np.concatenate([self.prices[in_use], self.before.pending_price[released]])
        return rewritten(self.before.day, self.before.price, days, prices)

    def verdicts(self) -> list[QuoteProblem]:
        """Returns the verdict on each quote, with a reason if it was not accepted."""
        judged = zip(self.quotes, self.admission.verdict.tolist(), self.admission.reason.tolist(), strict=True)
        return [
            QuoteProblem(quote.index, AdmissionVerdict(verdict), self._sentence(quote, RefusalReason(reason)))
            for quote, verdict, reason in judged
        ]

    def _sentence(self, quote: Quote, reason: RefusalReason) -> str:
        wanted = {
            RefusalReason.NOT_FINITE: f"price: got {quote.price}, want a finite number",
            RefusalReason.NOT_POSITIVE: f"price: got {quote.price}, want more than 0",
            RefusalReason.FUTURE_DATE: f"date: got {quote.day}, want not after the business date {self.today}",
            RefusalReason.JUMP: f"price: got {quote.price}, want within the jump limit of the last price; quarantined",
            RefusalReason.CONFLICTING_DUPLICATE: f"date: got two prices for {quote.day}, want one in a message",
        }
        return wanted.get(reason, "quarantined until it is confirmed")


def _by_series(quotes: Sequence[tuple[int, Quote]]) -> Mapping[str, list[tuple[int, Quote]]]:
    groups: dict[str, list[tuple[int, Quote]]] = {}
    for number, quote in quotes:
        groups.setdefault(quote.series_id, []).append((number, quote))
    return groups


def _admit(write: Write, stored: StoredSeries, quotes: Sequence[Quote]) -> _Admitted:
    before = history(write.connection, stored.key)
    prices = np.array([float(quote.price) for quote in quotes], dtype=np.float64)
    days = np.array([day_of(quote.day) for quote in quotes], dtype=np.int64)
    admission = admit(
        before.day.astype("datetime64[D]"),
        before.price,
        before.pending_day.astype("datetime64[D]"),
        before.pending_price,
        days.astype("datetime64[D]"),
        prices,
        np.datetime64(write.market_day, "D"),
    )
    return _Admitted(stored, quotes, prices, before, admission, date_at(write.market_day))


def _write(write: Write, admitted: Mapping[int, _Admitted]) -> None:
    """Stores accepted and quarantined quotes, and updates the newest prices."""
    rows: list[tuple[int, int, int, float, str]] = []
    latest = {}
    for key, found in admitted.items():
        rows += _rows(key, found)
        if found.moves:
            latest[key] = _latest(found)
    if rows:
        columns = zip(*rows, strict=True)
        names = ("series_key", "day", "verdict", "value", "decimal_text")
        insert_prices(write, {name: list(column) for name, column in zip(names, columns, strict=True)})
    set_latest(write, latest)


def _rows(key: int, found: _Admitted) -> list[tuple[int, int, int, float, str]]:
    kept = {int(AdmissionVerdict.ACCEPTED), int(AdmissionVerdict.QUARANTINED)}
    rows = [
        (key, day_of(quote.day), verdict, float(quote.price), str(quote.price))
        for quote, verdict in zip(found.quotes, found.admission.verdict.tolist(), strict=True)
        if verdict in kept
    ]
    days = {row[1] for row in rows}
    released = np.flatnonzero(found.admission.released)
    before = found.before
    rows += [
        (key, int(before.pending_day[row]), int(AdmissionVerdict.ACCEPTED), float(before.pending_price[row]), text)
        for row, text in zip(released, before.pending_text[released], strict=True)
        if int(before.pending_day[row]) not in days
    ]
    return rows


def _latest(found: _Admitted) -> Latest:
    """Returns the newest accepted price and its log return."""
    in_use = found.admission.verdict == int(AdmissionVerdict.ACCEPTED)
    prices = {int(day): (float(price), "") for day, price in zip(found.before.day, found.before.price, strict=True)}
    released = np.flatnonzero(found.admission.released)
    before = found.before
    for row in released.tolist():
        prices[int(before.pending_day[row])] = (float(before.pending_price[row]), str(before.pending_text[row]))
    for quote, price, used in zip(found.quotes, found.prices.tolist(), in_use.tolist(), strict=True):
        if used:
            prices[day_of(quote.day)] = (price, str(quote.price))
    days = sorted(prices)
    price, decimal_text = prices[days[-1]]
    log_return = float(np.log(price / prices[days[-2]][0])) if len(days) > 1 else None
    return Latest(days[-1], price, decimal_text or found.stored.latest_text, log_return, found.rewrites)


def _dependent_assets(write: Write, moved_keys: Int) -> Int:
    """Returns the assets whose value depends on the series as a price, a price index or an exchange rate."""
    priced = np.union1d(assets_of_series(write.connection, moved_keys), _machines_by_class(write, moved_keys))
    quotes = fx_quotes(write.connection)
    moved = set(moved_keys.tolist())
    if not any(quote.legs[0][0] in moved for quote in quotes.values()):
        return np.unique(priced)
    foreign = foreign_assets(write.connection)
    pairs = list(zip(foreign["base"], foreign["currency"], strict=True))
    paths = fx_paths(quotes, set(pairs))
    pairs_of_moved = {pair for pair, quote in paths.items() if quote and moved & {key for key, _ in quote.legs}}
    converted = foreign["asset_key"][[pair in pairs_of_moved for pair in pairs]] if pairs else foreign["asset_key"]
    return np.union1d(priced, converted)


def _machines_by_class(write: Write, moved_keys: Int) -> Int:
    """Returns the machines of the classes to which the policy in force assigns one of these series as price index."""
    indices = policy_in_force(write.connection, write.market_day).policy.indices
    keys = series_keys(write.connection, sorted(set(indices.values()))) if indices else {}
    classes = sorted(one for one, series_id in indices.items() if keys[series_id] in moved_keys)
    return machines_of_classes(write.connection, classes) if classes else np.zeros(0, dtype=np.int64)
