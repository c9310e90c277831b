"""Servicer of PriceService, with the conversion of prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from grpc.aio import ServicerContext

from collateral_registry.commands.prices import ingest as commands
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import Ingested, QuoteProblem
from collateral_registry.domain.filters.expressions import within
from collateral_registry.domain.prices.series import PriceSeries, fx_series
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.names import id_of
from collateral_registry.domain.shared.units import checked_own_spellings, own_units, unit_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import body_hash_of, call_of, current_caller
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.price_batcher import PriceBatcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.prices.series import StoredPrice, StoredSeries, get_series, list_prices, list_series
from collateral_registry.store.prices.unit_spellings import own_spellings
from collateral_registry.v1 import price_pb2 as pb, price_pb2_grpc
from valuation.errors import InvalidInput
from valuation.prices.admission import AdmissionVerdict

QUOTES_LIMIT = 10_000

RATE_LIMITS = Decimal("0.000000001"), Decimal(1_000_000_000)
"""Smallest and largest exchange rate; the inverse of a rate in these limits is in them too."""

VERDICTS = {
    AdmissionVerdict.ACCEPTED: pb.PRICE_VERDICT_ACCEPTED,
    AdmissionVerdict.DUPLICATE: pb.PRICE_VERDICT_DUPLICATE,
    AdmissionVerdict.QUARANTINED: pb.PRICE_VERDICT_QUARANTINED,
    AdmissionVerdict.REFUSED: pb.PRICE_VERDICT_REFUSED,
}

Response = TypeVar("Response", pb.IngestPricesResponse, pb.IngestFxRatesResponse)
M = TypeVar("M", pb.PriceObservation, pb.FxRate)


class PriceServicer(price_pb2_grpc.PriceServiceServicer):
    """Stores price series, their prices and exchange rates."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner
        self.batcher = PriceBatcher(runner)

    async def CreatePriceSeries(self, request: pb.CreatePriceSeriesRequest, context: ServicerContext) -> pb.PriceSeries:
        """Creates a price series."""
        series, spellings = _read_series(request)
        return await self.runner.write(
            call_of(request, "CreatePriceSeries", pb.PriceSeries),
            lambda write: _series(commands.open_series(write, series, spellings), spellings),
        )

    async def GetPriceSeries(self, request: pb.GetPriceSeriesRequest, context: ServicerContext) -> pb.PriceSeries:
        """Returns one price series with its newest accepted price."""
        (series_id,) = id_of("name", request.name, "priceSeries")

        def work(connection: Connection) -> pb.PriceSeries:
            stored = get_series(connection, series_id)
            return _series(stored, own_spellings(connection, [request.name])[request.name])

        return await self.runner.read(work)

    async def ListPriceSeries(
        self, request: pb.ListPriceSeriesRequest, context: ServicerContext
    ) -> pb.ListPriceSeriesResponse:
        """Lists price series in the order of their ids."""
        wanted, page = filtered_page(request, "ListPriceSeries", "")

        def work(connection: Connection) -> pb.ListPriceSeriesResponse:
            rows, token = page.cut(list_series(connection, wanted, *page.bounds), lambda row: row.series.series_id)
            names = [f"priceSeries/{row.series.series_id}" for row in rows]
            own = own_spellings(connection, names)
            return pb.ListPriceSeriesResponse(
                price_series=[_series(row, own[name]) for name, row in zip(names, rows, strict=True)],
                next_page_token=token,
            )

        return await self.runner.read(work)

    async def IngestPrices(self, request: pb.IngestPricesRequest, context: ServicerContext) -> pb.IngestPricesResponse:
        """Ingests prices, and judges each on its own. Requests that need no transaction of their own share one."""
        check_count("observations", request.observations, QUOTES_LIMIT)
        quotes, refused = await _read_each(request.observations, _read_observation)

        if not request.request_id and not request.validate_only:
            ingested, seq = await self.batcher.ingest(
                current_caller().acting_as(""),
                commands.PriceMessage(quotes, refused),
                body_hash_of("IngestPrices", request),
            )
            return _ingested(pb.IngestPricesResponse, ingested, seq)

        def work(write: Write) -> pb.IngestPricesResponse:
            return _ingested(pb.IngestPricesResponse, commands.ingest_prices(write, quotes, refused), write.seq)

        return await self.runner.write(call_of(request, "IngestPrices", pb.IngestPricesResponse), work, _changed)

    async def ListPrices(self, request: pb.ListPricesRequest, context: ServicerContext) -> pb.ListPricesResponse:
        """Lists the prices of a series, newest first, including superseded and quarantined ones."""
        ends = (request.start_date, request.end_date)
        read = convert.read_all(
            series_id=lambda: id_of("parent", request.parent, "priceSeries")[0],
            dates=lambda: _date_range(request),
            rows=lambda: filtered_page(request, "ListPrices", (NEWEST, NEWEST), *ends),
        )
        series_id, (wanted, page) = read["series_id"], read["rows"]
        between = within(wanted, "date", *read["dates"])

        def work(connection: Connection) -> pb.ListPricesResponse:
            key = get_series(connection, series_id).key
            messages, token = page.filled(
                list_prices(connection, key, between, *page.bounds), lambda row: (row.day, row.seq), _price
            )
            return pb.ListPricesResponse(prices=messages, next_page_token=token)

        return await self.runner.read(work)

    async def IngestFxRates(
        self, request: pb.IngestFxRatesRequest, context: ServicerContext
    ) -> pb.IngestFxRatesResponse:
        """Ingests exchange rates by the same rules as prices; creates the series of a new pair of currencies."""
        check_count("rates", request.rates, QUOTES_LIMIT)
        quotes, refused = await _read_each(request.rates, _read_rate)
        readable = (request.rates[quote.index] for quote in quotes)
        wanted = {(rate.base_currency_code, rate.quote_currency_code) for rate in readable}

        def work(write: Write) -> pb.IngestFxRatesResponse:
            commands.ensure_fx_series(write, wanted)
            return _ingested(pb.IngestFxRatesResponse, commands.ingest_prices(write, quotes, refused), write.seq)

        return await self.runner.write(call_of(request, "IngestFxRates", pb.IngestFxRatesResponse), work, _changed)


def _date_range(request: pb.ListPricesRequest) -> tuple[int | None, int | None]:
    """Returns the days of the first and last date of a request; raises InvalidInput if they are in the wrong order."""
    read = convert.read_all(
        first=lambda: convert.read_date("start_date", request, "start_date"),
        last=lambda: convert.read_date("end_date", request, "end_date"),
    )
    first, last = read["first"], read["last"]
    if first is not None and last is not None and first > last:
        raise InvalidInput("start_date", first, f"a date not after end_date, which is {last}")
    return (None if first is None else day_of(first), None if last is None else day_of(last))


def _read_series(request: pb.CreatePriceSeriesRequest) -> tuple[PriceSeries, dict[str, str]]:
    """Returns the series in a request, with the name of its unit, and its own spellings of units."""
    message = request.price_series
    spellings = checked_own_spellings("price_series.unit_spellings", message.unit_spellings)
    stated = convert.read_all(
        series=lambda: PriceSeries(
            series_id=request.price_series_id,
            good=message.good,
            unit=message.unit,
            currency=message.currency_code,
            market=message.market,
            source=message.source,
            **({"max_age_days": message.max_age_days} if message.max_age_days else {}),
        ),
        unit=lambda: unit_of("price_series.unit", message.unit, message.good, own=own_units(spellings)),
    )
    return replace(stated["series"], unit=stated["unit"]), spellings


async def _read_each(
    messages: Iterable[M], reader: Callable[[int, M], Quote]
) -> tuple[list[Quote], list[QuoteProblem]]:
    """Returns the quotes that can be read, and a problem for each quote that cannot."""
    quotes, refused = [], []
    async for index, message in convert.in_slices(messages):
        try:
            quotes.append(reader(index, message))
        except InvalidInput as error:
            refused.append(QuoteProblem(index, AdmissionVerdict.REFUSED, str(error)))
    return quotes, refused


def _read_observation(index: int, message: pb.PriceObservation) -> Quote:
    read = convert.read_all(
        series_id=lambda: id_of("price_series", message.price_series, "priceSeries")[0],
        day=lambda: convert.required_date("date", message, "date"),
        price=lambda: convert.read_decimal("price", message.price),
    )
    return Quote(index, read["series_id"], read["day"], read["price"])


def _read_rate(index: int, message: pb.FxRate) -> Quote:
    read = convert.read_all(
        series=lambda: fx_series(message.base_currency_code, message.quote_currency_code),
        day=lambda: convert.required_date("date", message, "date"),
        rate=lambda: _read_rate_value(message),
    )
    return Quote(index, read["series"].series_id, read["day"], read["rate"], commands.RATE_FIELD)


def _read_rate_value(message: pb.FxRate) -> Decimal:
    rate = convert.read_decimal(commands.RATE_FIELD, message.rate)
    if rate > 0 and not RATE_LIMITS[0] <= rate <= RATE_LIMITS[1]:
        raise InvalidInput(commands.RATE_FIELD, rate, f"{RATE_LIMITS[0]:f} to {RATE_LIMITS[1]:f}")
    return rate


def _ingested(response: type[Response], done: Ingested, seq: int) -> Response:
    return response(
        accepted_count=done.accepted,
        duplicate_count=done.duplicates,
        quarantined_count=done.quarantined,
        refused_count=done.refused,
        problems=[
            pb.ObservationProblem(index=problem.index, verdict=VERDICTS[problem.verdict], reason=problem.reason)
            for problem in done.problems
        ],
        overtaken_count=done.overtaken,
        sequence=seq if done.changed else 0,
    )


def _changed(answer: pb.IngestPricesResponse | pb.IngestFxRatesResponse) -> bool:
    return answer.sequence > 0


def _series(stored: StoredSeries, unit_spellings: Mapping[str, str]) -> pb.PriceSeries:
    series = stored.series
    message = convert.message_of(
        pb.PriceSeries,
        series,
        name=f"priceSeries/{series.series_id}",
        currency_code=series.currency,
        unit_spellings=unit_spellings,
        latest_date=convert.day(stored.latest_day),
        create_time=convert.timestamp(stored.created_us),
    )
    if stored.latest_text:
        message.latest_price.value = stored.latest_text
    return message


def _price(stored: StoredPrice) -> pb.RecordedPrice:
    return pb.RecordedPrice(
        date=convert.day(stored.day),
        price={"value": stored.decimal_text},
        verdict=VERDICTS[stored.verdict],
        sequence=stored.seq,
        known_time=convert.timestamp(stored.known_us),
        superseded=stored.superseded,
    )
