"""Open price series and take in prices and exchange rates, each quote on its own."""

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

PRICE_DIGITS_LIMIT = 18


@dataclass(frozen=True)
class Quote:
    """One dated price of a series, with its place in the message."""

    index: int
    series_id: str
    day: date
    price: Decimal


@dataclass(frozen=True)
class QuoteProblem:
    """What became of a quote, and why it was not simply accepted."""

    index: int
    verdict: AdmissionVerdict
    reason: str


@dataclass(frozen=True)
class Ingested:
    """What became of a message of quotes."""

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
    """Opens a series; lots that were waiting for it get its unit and are valued."""
    insert_series(write, series)
    waiting = lots_without_series(write.connection, series.series_id)
    for stored in waiting:
        rewrite_numbers(write, stored)
    write.touched.add(assets=[stored.key for stored in waiting])
    return get_series(write.connection, series.series_id)


@dataclass(frozen=True)
class PriceMessage:
    """Quotes that came in one message; ``refused`` are those that could not even be read, counted with the others."""

    quotes: Sequence[Quote]
    refused: Sequence[QuoteProblem] = ()


def ingest_prices(write: Write, quotes: Sequence[Quote], refused: Sequence[QuoteProblem] = ()) -> Ingested:
    """Takes in the prices of one message and recomputes what depends on the series that moved."""
    return ingest_together(write, [PriceMessage(quotes, refused)])[0]


def ingest_together(write: Write, messages: Sequence[PriceMessage]) -> list[Ingested]:
    """Takes in messages that came at the same time, and recomputes once what depends on the series that moved.

    Of a series and a day the quote of the last message counts; those it overtook are counted as such.
    """
    last = {(q.series_id, q.day): number for number, message in enumerate(messages) for q in message.quotes}
    kept = [
        [quote for quote in message.quotes if last[quote.series_id, quote.day] == number]
        for number, message in enumerate(messages)
    ]
    verdicts = _take_in(write, [(number, quote) for number, quotes in enumerate(kept) for quote in quotes])
    return [
        _ingested(message, [verdicts[number, quote.index] for quote in quotes])
        for number, (message, quotes) in enumerate(zip(messages, kept, strict=True))
    ]


Place = tuple[int, int]
"""Number of a message, and the place of a quote in it."""


def _take_in(write: Write, quotes: Sequence[tuple[int, Quote]]) -> dict[Place, QuoteProblem]:
    """Holds the quotes against the history of their series, stores what is kept and recomputes what moved."""
    series = find_series(write.connection, sorted({quote.series_id for _, quote in quotes}))
    verdicts: dict[Place, QuoteProblem] = {}
    admitted: dict[int, _Admitted] = {}
    for series_id, group in _by_series(quotes).items():
        places = [(number, quote.index) for number, quote in group]
        stored = series.get(series_id)
        if stored is None:
            missing = f"price_series: got priceSeries/{series_id}, want one that exists"
            verdicts |= {place: QuoteProblem(place[1], AdmissionVerdict.REFUSED, missing) for place in places}
            continue
        admitted[stored.key] = found = _admit(write, stored, [quote for _, quote in group])
        verdicts |= dict(zip(places, found.verdicts(), strict=True))
    _write(write, admitted)
    moved = np.array([key for key, found in admitted.items() if found.moves], dtype=np.int64)
    if len(moved):
        write.touched.add(assets=_dependent_assets(write, moved))
    return verdicts


def _ingested(message: PriceMessage, judged: Sequence[QuoteProblem]) -> Ingested:
    """What became of a message, from the verdicts on those of its quotes that were not overtaken."""
    problems = [
        *message.refused,
        *(one for one in judged if one.verdict in {AdmissionVerdict.QUARANTINED, AdmissionVerdict.REFUSED}),
    ]
    verdicts = [one.verdict for one in judged]
    return Ingested(
        accepted=verdicts.count(AdmissionVerdict.ACCEPTED),
        duplicates=verdicts.count(AdmissionVerdict.DUPLICATE),
        quarantined=verdicts.count(AdmissionVerdict.QUARANTINED),
        refused=sum(problem.verdict == AdmissionVerdict.REFUSED for problem in problems),
        overtaken=len(message.quotes) - len(judged),
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
    """The quotes of one series with their verdicts, and the history they were held against."""

    stored: StoredSeries
    quotes: Sequence[Quote]
    prices: NDArray[np.float64]
    before: History
    admission: Admission
    today: date

    @property
    def moves(self) -> bool:
        """Whether any quote came into use."""
        return bool((self.admission.verdict == int(AdmissionVerdict.ACCEPTED)).any())

    @property
    def rewrites(self) -> bool:
        """Whether what the series had said before its newest price is another history now.

        It is when a day before that is filled, or corrected by more than the price usually moves from one to the next.
        """
        in_use = np.flatnonzero(self.admission.verdict == int(AdmissionVerdict.ACCEPTED))
        days = np.array([day_of(self.quotes[row].day) for row in in_use.tolist()], dtype=np.int64)
        released = self.admission.released
        days = np.concatenate([days, self.before.pending_day[released]])
        prices = np.concatenate([self.prices[in_use], self.before.pending_price[released]])
        return rewritten(self.before.day, self.before.price, days, prices)

    def verdicts(self) -> list[QuoteProblem]:
        """What became of each quote, with a sentence where it is not simply in use."""
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
            RefusalReason.JUMP: f"price: got {quote.price}, want within the jump limit of the price before; kept aside",
            RefusalReason.CONFLICTING_DUPLICATE: f"date: got two prices for {quote.day}, want one in a message",
        }
        return wanted.get(reason, "kept aside until it is confirmed")


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
    """Appends what came into use or was kept aside, and moves the newest prices on."""
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
    taken = {row[1] for row in rows}
    released = np.flatnonzero(found.admission.released)
    before = found.before
    rows += [
        (key, int(before.pending_day[row]), int(AdmissionVerdict.ACCEPTED), float(before.pending_price[row]), text)
        for row, text in zip(released, before.pending_text[released], strict=True)
        if int(before.pending_day[row]) not in taken
    ]
    return rows


def _latest(found: _Admitted) -> Latest:
    """The newest accepted price and its log return from the one before."""
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
    """Assets whose value rests on the series: what they price or carry, and what is converted by a rate they hold."""
    lots = np.union1d(assets_of_series(write.connection, moved_keys), _machines_by_class(write, moved_keys))
    quotes = fx_quotes(write.connection)
    moved = set(moved_keys.tolist())
    if not any(quote.legs[0][0] in moved for quote in quotes.values()):
        return np.unique(lots)
    foreign = foreign_assets(write.connection)
    pairs = list(zip(foreign["base"], foreign["currency"], strict=True))
    paths = fx_paths(quotes, set(pairs))
    uses = {pair for pair, quote in paths.items() if quote and moved & {key for key, _ in quote.legs}}
    converted = foreign["asset_key"][[pair in uses for pair in pairs]] if pairs else foreign["asset_key"]
    return np.union1d(lots, converted)


def _machines_by_class(write: Write, moved_keys: Int) -> Int:
    """Machines of the classes whose index, by the policy in force, is among the series."""
    indices = policy_in_force(write.connection, write.market_day).policy.indices
    keys = series_keys(write.connection, sorted(set(indices.values()))) if indices else {}
    classes = sorted(one for one, series_id in indices.items() if keys[series_id] in moved_keys)
    return machines_of_classes(write.connection, classes) if classes else np.zeros(0, dtype=np.int64)
