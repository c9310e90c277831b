"""Opens price series and ingests prices and exchange rates. Each quote is judged on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from collateral_registry.commands.prices.admission import Quote, SeriesQuotes, screen_quotes
from collateral_registry.domain.assets.kinds import Inventory, Status
from collateral_registry.domain.assets.valuation_columns import PricedBy
from collateral_registry.domain.prices.exchange_rates import Pair, QuotedRate, fx_paths
from collateral_registry.domain.prices.series import PriceSeries, fx_series
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.units import NO_SPELLINGS, alike
from collateral_registry.store.assets.repository import StoredAsset, lots_without_series, rewrite_numbers
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Write
from collateral_registry.store.prices.series import (
    StoredSeries,
    find_series,
    get_series,
    insert_prices,
    insert_series,
    quoted_rates,
    series_keys,
    set_latest,
    set_quarantined,
)
from collateral_registry.store.prices.unit_spellings import replace_spellings
from collateral_registry.store.valuations.valuation_inputs import assets_of_series, foreign_assets, machines_of_classes
from valuation._typing import Int
from valuation.errors import InvalidInput
from valuation.prices.admission import AdmissionVerdict, RefusalReason

RATE_FIELD = "rate"
"""Field of an exchange rate; a price of a good is stated in the field ``price``."""

_RATE_SERIES = re.compile(r"fx-[a-z]{3}-[a-z]{3}")


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


def open_series(write: Write, series: PriceSeries, spellings: Mapping[str, str] = NO_SPELLINGS) -> StoredSeries:
    """Opens a series of a good with its own spellings of units. Lots that already refer to it by name are valued.

    Raises InvalidInput for an id that names the exchange rates of a pair, and if a lot that refers to the series is of
    another good, or of a unit that does not convert to the unit of the series.
    """
    if _RATE_SERIES.fullmatch(series.series_id):
        want = "an id other than fx-{base}-{quote}, which names exchange rates"
        raise InvalidInput("price_series_id", series.series_id, want)
    key = insert_series(write, series)
    replace_spellings(write.connection, f"priceSeries/{series.series_id}", spellings)
    lots = lots_without_series(write.connection, series.series_id)
    for stored in lots:
        _check_prices(PricedBy(key, series.good, series.unit), stored)
    for stored in lots:
        rewrite_numbers(write, stored)
    write.touched.add(assets=[stored.key for stored in lots])
    return get_series(write.connection, series.series_id)


def _check_prices(series: PricedBy, stored: StoredAsset) -> None:
    """Raises InvalidInput if a series does not price a lot that refers to it; a retired lot is not checked."""
    lot, name = stored.asset.detail, f"assets/{stored.asset.asset_id}"
    if not isinstance(lot, Inventory) or stored.asset.status is Status.RETIRED:
        return
    if lot.good != series.good:
        raise InvalidInput("price_series.good", repr(series.good), f"{lot.good}, the good of {name}, which names it")
    if not alike(lot.unit, series.unit):
        want = f"a unit that converts to {lot.unit}, the unit of {name}, which names the series"
        raise InvalidInput("price_series.unit", repr(series.unit), want)


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
    """Screens quotes against their history, stores those not refused, and touches the dependent assets."""
    series = find_series(write.connection, sorted({quote.series_id for _, quote in quotes}))
    verdicts: dict[QuoteIndex, QuoteProblem] = {}
    indexes: dict[str, list[QuoteIndex]] = {}
    groups: dict[str, list[Quote]] = {}
    for number, quote in quotes:
        problem = _series_problem(quote, series.get(quote.series_id))
        if problem:
            verdicts[number, quote.index] = QuoteProblem(quote.index, AdmissionVerdict.REFUSED, problem)
            continue
        groups.setdefault(quote.series_id, []).append(quote)
        indexes.setdefault(quote.series_id, []).append((number, quote.index))
    screened = screen_quotes(write, {series_id: series[series_id] for series_id in groups}, groups)
    for series_id, places in indexes.items():
        verdicts |= dict(zip(places, _verdicts(screened[series_id], write.market_day), strict=True))
    moved = [one for one in screened.values() if one.moves or one.changes_quarantine]
    rates = quoted_rates(write.connection) if any(one.stored.series.is_fx for one in moved) else None
    _write(write, screened.values())
    if moved:
        keys = np.array([one.stored.key for one in moved], dtype=np.int64)
        write.touched.add(assets=_dependent_assets(write, keys, rates))
    return verdicts


def _series_problem(quote: Quote, stored: StoredSeries | None) -> str:
    """Returns why the series of a quote cannot have it; an empty string if it can."""
    if stored is None:
        return f"price_series: got priceSeries/{quote.series_id}, want one that exists"
    if quote.field == RATE_FIELD and not stored.series.is_fx:
        return f"base_currency_code: got a pair whose name priceSeries/{quote.series_id} is a good's, want another pair"
    return ""


def _verdicts(screened: SeriesQuotes, today: int) -> list[QuoteProblem]:
    """Returns the verdict on each quote of a series, with a reason if it was not accepted."""
    columns = zip(screened.quotes, screened.verdict.tolist(), screened.reason.tolist(), strict=True)
    return [
        QuoteProblem(quote.index, AdmissionVerdict(verdict), _sentence(quote, RefusalReason(reason), date_at(today)))
        for quote, verdict, reason in columns
    ]


def _sentence(quote: Quote, reason: RefusalReason, today: date) -> str:
    got = f"{quote.field}: got {quote.price}"
    wanted = {
        RefusalReason.NOT_FINITE: f"{got}, want a finite number",
        RefusalReason.NOT_POSITIVE: f"{got}, want more than 0",
        RefusalReason.FUTURE_DATE: f"date: got {quote.day}, want not after the business date {today}",
        RefusalReason.JUMP: f"{got}, want within the jump limit of the last {quote.field}; quarantined",
        RefusalReason.CONFLICTING_DUPLICATE: f"date: got two {quote.field}s for {quote.day}, want one in a message",
    }
    return wanted.get(reason, "quarantined until it is confirmed")


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


def _write(write: Write, screened: Iterable[SeriesQuotes]) -> None:
    """Stores accepted and quarantined quotes, and updates the newest prices."""
    rows = [row for one in screened for row in one.rows()]
    if rows:
        columns = zip(*rows, strict=True)
        names = ("series_key", "day", "verdict", "value", "decimal_text")
        insert_prices(write, {name: list(column) for name, column in zip(names, columns, strict=True)})
    set_latest(write, {one.stored.key: one.latest() for one in screened if one.moves})
    set_quarantined(write, {one.stored.key: one.quarantined for one in screened if one.changes_quarantine})


def _dependent_assets(write: Write, moved_keys: Int, rates: Mapping[Pair, QuotedRate] | None) -> Int:
    """Returns the assets whose value depends on the series as a price, a price index or an exchange rate.

    ``rates`` are the newest exchange rates before the change; None if it changed none.
    """
    priced = np.union1d(assets_of_series(write.connection, moved_keys), _machines_by_class(write, moved_keys))
    return priced if rates is None else np.union1d(priced, _converted_assets(write, rates))


def _converted_assets(write: Write, before: Mapping[Pair, QuotedRate]) -> Int:
    """Returns the assets whose conversion has changed: its rate, its path, or the history of one of its paths."""
    foreign = foreign_assets(write.connection)
    pairs = list(zip(foreign["base"], foreign["currency"], strict=True))
    policy = policy_in_force(write.connection, write.market_day).policy
    max_age_days = policy.rule_days("fx_max_age_days")
    was = fx_paths(before, set(pairs), max_age_days)
    now = fx_paths(quoted_rates(write.connection), set(pairs), max_age_days)
    changed = np.array([was[pair] != now[pair] for pair in pairs], dtype=np.bool_)
    return np.asarray(foreign["asset_key"][changed], dtype=np.int64)


def _machines_by_class(write: Write, moved_keys: Int) -> Int:
    """Returns the machines of the classes to which the policy in force assigns one of these series as price index."""
    indices = policy_in_force(write.connection, write.market_day).policy.indices
    keys = series_keys(write.connection, sorted(set(indices.values()))) if indices else {}
    classes = sorted(one for one, series_id in indices.items() if keys[series_id] in moved_keys)
    return machines_of_classes(write.connection, classes) if classes else np.zeros(0, dtype=np.int64)
