"""Stores price series and their observations; exchange rates are series named fx-{base}-{quote}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, bindparam, case, select

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Boolean, Day, Enum, Id, Measure, Number, Text, Time
from collateral_registry.domain.prices.exchange_rates import QuotedRate
from collateral_registry.domain.prices.market_data import SeriesFacts
from collateral_registry.domain.prices.quarantine import Quarantine
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.engine.bulk import Columns, ColumnUpdate, Source, insert_columns, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, is_one_of
from collateral_registry.store.engine.rows import check_unused, columns_of, existing, from_row, insert_row
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.prices import PriceRow, PriceSeriesRow
from valuation._typing import Int
from valuation.prices.admission import AdmissionVerdict

SERIES_FILTER = FilterTable(
    name=FilterField(Id("priceSeries"), PriceSeriesRow.series_id),
    good=FilterField(Text(), PriceSeriesRow.good),
    unit=FilterField(Text(), PriceSeriesRow.unit),
    currency_code=FilterField(Text(), PriceSeriesRow.currency),
    market=FilterField(Text(), PriceSeriesRow.market),
    source=FilterField(Text(), PriceSeriesRow.source),
    max_age_days=FilterField(Number(), PriceSeriesRow.max_age_days),
    latest_date=optional_day(Day(), PriceSeriesRow.latest_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which series can be filtered."""

_NEWER = PriceRow.__table__.alias("newer")
_IS_SUPERSEDED = (
    select(_NEWER.c.seq)
    .where(
        _NEWER.c.series_key == PriceRow.series_key,
        _NEWER.c.day == PriceRow.day,
        _NEWER.c.seq > PriceRow.seq,
        _NEWER.c.verdict == int(AdmissionVerdict.ACCEPTED),
    )
    .exists()
)

PRICE_FILTER = FilterTable(
    date=FilterField(Day(), PriceRow.day),
    price=FilterField(Measure(), PriceRow.value),
    verdict=FilterField(
        Enum(
            {one.name: int(one) for one in (AdmissionVerdict.ACCEPTED, AdmissionVerdict.QUARANTINED)}, "PRICE_VERDICT_"
        ),
        PriceRow.verdict,
    ),
    superseded=FilterField(Boolean(), case((_IS_SUPERSEDED, 1), else_=0)),
    known_time=FilterField(Time(), CommitRow.known_us),
    sequence=FilterField(Number(), PriceRow.seq),
)
"""Fields by which the prices of a series can be filtered."""

HISTORY_LIMIT = 2_000
"""Most observations read from a series: four windows of the haircut model, because some may be corrections."""

NEWEST_COMMIT = 2**62
"""A commit sequence that no commit reaches."""


@dataclass(frozen=True)
class StoredSeries:
    """A series with its key and its newest accepted price, which is a string with all digits."""

    key: int
    series: PriceSeries
    latest_day: int
    latest_text: str
    quarantined: Quarantine
    created_us: int


@dataclass(frozen=True)
class StoredPrice:
    """An observation as it was received."""

    day: int
    decimal_text: str
    verdict: AdmissionVerdict
    seq: int
    known_us: int
    superseded: bool


def insert_series(write: Write, series: PriceSeries) -> int:
    """Stores a new series and returns its key; raises AlreadyExists if the id is taken."""
    check_unused(write.connection, f"priceSeries/{series.series_id}", PriceSeriesRow.series_id == series.series_id)
    values = {
        **asdict(series),
        "is_fx": int(series.is_fx),
        "latest_day": NO_DAY,
        "latest_text": "",
        "history_seq": 0,
        "created_seq": write.seq,
    }
    return insert_row(write.connection, PriceSeriesRow, **values)


def get_series(connection: Connection, series_id: str) -> StoredSeries:
    """Returns one series; raises NotFound."""
    return existing(_stored(connection, [PriceSeriesRow.series_id == series_id], 1), f"priceSeries/{series_id}")


def find_series(connection: Connection, series_ids: Sequence[str]) -> dict[str, StoredSeries]:
    """Returns the series among ``series_ids`` that exist, by id."""
    rows = _stored(connection, [is_one_of(PriceSeriesRow.series_id, series_ids)], None)
    return {row.series.series_id: row for row in rows}


def list_series(connection: Connection, wanted: Expression, after: str, limit: int) -> list[StoredSeries]:
    """Returns a page of series, ordered by id."""
    return _stored(connection, [SERIES_FILTER.where(wanted), PriceSeriesRow.series_id > after], limit)


def series_keys(connection: Source, series_ids: Sequence[str]) -> dict[str, int]:
    """Returns the key of each of these series that exists, by id."""
    found = read_columns(connection, _SERIES_KEYS, {"texts": series_ids})
    return dict(zip(found["series_id"].tolist(), found["series_key"].tolist(), strict=True))


_SERIES_KEYS = select(PriceSeriesRow.series_id, PriceSeriesRow.series_key).where(
    is_one_of(PriceSeriesRow.series_id, TEXTS)
)


def price_units(connection: Source, series_ids: Sequence[str]) -> dict[str, str]:
    """Returns the unit of the prices of each of these series that exists, such as USD/t, by id."""
    found = read_columns(connection, _PRICE_UNITS, {"texts": series_ids})
    columns = (found[name].tolist() for name in ("series_id", "currency", "unit"))
    return {series_id: f"{currency}/{unit}" for series_id, currency, unit in zip(*columns, strict=True)}


_PRICE_UNITS = select(PriceSeriesRow.series_id, PriceSeriesRow.currency, PriceSeriesRow.unit).where(
    is_one_of(PriceSeriesRow.series_id, TEXTS)
)


def series_facts(connection: Source, keys: Int) -> SeriesFacts:
    """Returns series with their newest accepted prices."""
    return SeriesFacts(**read_columns(connection, _SERIES_FACTS, {"keys": keys}))


_SERIES_FACTS = select(
    PriceSeriesRow.series_key,
    PriceSeriesRow.latest_price.label("price"),
    PriceSeriesRow.latest_day.label("day"),
    *columns_of(PriceSeriesRow, "latest_return", "history_seq", "max_age_days", "currency"),
    *columns_of(PriceSeriesRow, "quarantined_low", "quarantined_high"),
).where(is_one_of(PriceSeriesRow.series_key, KEYS))


_QUOTED_RATES = select(
    *columns_of(PriceSeriesRow, "unit", "currency", "series_key", "latest_price", "latest_day", "history_seq"),
    *columns_of(PriceSeriesRow, "quarantined_low", "quarantined_high", "quarantined_day"),
).where(PriceSeriesRow.is_fx == 1, PriceSeriesRow.latest_price.is_not(None))


def quoted_rates(connection: Source) -> dict[tuple[str, str], QuotedRate]:
    """Returns the newest exchange rate of every quoted pair (base, quote)."""
    columns = read_columns(connection, _QUOTED_RATES)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return {(base, quote): QuotedRate(*rate) for base, quote, *rate in rows}


@dataclass(frozen=True)
class Latest:
    """The newest accepted price of a series and its log return from the previous one (None for the first price).

    ``rewritten`` states that the same commit changed an earlier observation.
    """

    day: int
    price: float
    decimal_text: str
    log_return: float | None
    rewritten: bool


@dataclass(frozen=True)
class History:
    """Accepted and quarantined prices of a series in date order: for each day, at most one price of each verdict."""

    day: Int
    price: NDArray[np.float64]
    pending_day: Int
    pending_price: NDArray[np.float64]
    pending_text: NDArray[Any]


def history(connection: Source, series_key: int, since: int = NO_DAY, by: int = NEWEST_COMMIT) -> History:
    """Returns the history of a series since a day, as known by a commit: the last observation of each day.

    Only the newest HISTORY_LIMIT observations are read.
    """
    newest_first = read_columns(connection, _NEWEST_PRICES, {"of_series": series_key, "since": since, "by": by})
    day, price, verdict, text = (column[::-1] for column in newest_first.values())
    accepted = _last_of_each_day(day, verdict == int(AdmissionVerdict.ACCEPTED))
    last = _last_of_each_day(day, np.ones(len(day), dtype=np.bool_))
    pending = last[verdict[last] == int(AdmissionVerdict.QUARANTINED)]
    return History(day[accepted], price[accepted], day[pending], price[pending], text[pending])


_IS_QUARANTINED = PriceRow.verdict == int(AdmissionVerdict.QUARANTINED)
_NEWEST_PRICES = (
    select(*columns_of(PriceRow, "day", "value", "verdict"))
    .add_columns(case((_IS_QUARANTINED, PriceRow.decimal_text), else_="").label("pending_text"))
    .where(
        PriceRow.series_key == bindparam("of_series"),
        PriceRow.day >= bindparam("since"),
        PriceRow.seq <= bindparam("by"),
    )
    .order_by(PriceRow.day.desc(), PriceRow.seq.desc())
    .limit(HISTORY_LIMIT)
)


def _last_of_each_day(day: Int, included: NDArray[np.bool_]) -> Int:
    """Returns the row number of the last included row of each day; the rows are in date order."""
    chosen = np.flatnonzero(included)
    last = np.append(day[chosen][1:] != day[chosen][:-1], True)[: len(chosen)]
    return chosen[last]


def insert_prices(write: Write, columns: Columns) -> None:
    """Appends observations, given as the columns series_key, day, verdict, value and decimal_text."""
    insert_columns(write.connection, PriceRow, {**columns, "seq": write.seq}, len(columns["day"]))


def set_latest(write: Write, latest: Mapping[int, Latest]) -> None:
    """Stores the newest price of each series, by key."""
    rows = latest.values()
    columns = [[getattr(one, name) for one in rows] for name in ("day", "price", "decimal_text", "log_return")]
    _LATEST.run(write.connection, [*latest], *columns)
    rewritten = [key for key, one in latest.items() if one.rewritten]
    _REWRITTEN.run(write.connection, rewritten, [write.seq] * len(rewritten))


_LATEST = ColumnUpdate(PriceSeriesRow, "series_key", ("latest_day", "latest_price", "latest_text", "latest_return"))
_REWRITTEN = ColumnUpdate(PriceSeriesRow, "series_key", ("history_seq",))


def set_quarantined(write: Write, found: Mapping[int, Quarantine]) -> None:
    """Stores the newer prices in quarantine of each series, by key."""
    columns = [[getattr(one, name) for one in found.values()] for name in ("low", "high", "day")]
    _QUARANTINED.run(write.connection, [*found], *columns)


_QUARANTINED = ColumnUpdate(PriceSeriesRow, "series_key", ("quarantined_low", "quarantined_high", "quarantined_day"))


def list_prices(
    connection: Connection, series_key: int, wanted: Expression, before: tuple[int, int], limit: int
) -> list[StoredPrice]:
    """Returns a page of the observations before (day, sequence), newest first."""
    day, seq = before
    statement = (
        select(PriceRow.day, PriceRow.decimal_text, PriceRow.verdict, PriceRow.seq, CommitRow.known_us, _IS_SUPERSEDED)
        .join(CommitRow, CommitRow.seq == PriceRow.seq)
        .where(PriceRow.series_key == series_key, PRICE_FILTER.where(wanted))
        .where((PriceRow.day < day) | ((PriceRow.day == day) & (PriceRow.seq < seq)))
        .order_by(PriceRow.day.desc(), PriceRow.seq.desc())
        .limit(limit)
    )
    return [
        StoredPrice(row[0], row[1], AdmissionVerdict(row[2]), row[3], row[4], bool(row[5]))
        for row in connection.execute(statement)
    ]


def _stored(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredSeries]:
    statement = (
        select(PriceSeriesRow.__table__, CommitRow.known_us.label("created_us"))
        .join(CommitRow, CommitRow.seq == PriceSeriesRow.created_seq)
        .where(*where)
        .order_by(PriceSeriesRow.series_id)
        .limit(limit)
    )
    return [
        from_row(
            StoredSeries,
            row,
            key=row.series_key,
            series=from_row(PriceSeries, row, is_fx=bool(row.is_fx)),
            quarantined=Quarantine(row.quarantined_low, row.quarantined_high, row.quarantined_day),
        )
        for row in connection.execute(statement)
    ]
