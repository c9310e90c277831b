"""Exchange rates of a pair in both directions are one history: screened, valued and estimated together."""

from decimal import Decimal

import numpy as np
import pytest

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import finish_run, run_book
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.prices.exchange_rates import legs_of, series_id_of
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.prices.series import get_series, list_prices
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, LOT, do, open_empty_book
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag, UnknownReason
from valuation.prices.admission import AdmissionVerdict

ACCEPTED = AdmissionVerdict.ACCEPTED
DAYS = np.busday_offset(FIRST, -np.arange(300)[::-1], roll="backward").astype(object)
"""Business days up to the book's first business date."""

END = (1 << 62, 1 << 62)


def walk(seed, volatility, last):
    moves = np.random.default_rng(seed).normal(0, volatility, len(DAYS))
    return last * np.exp(np.cumsum(moves) - np.sum(moves))


COPPER, DOLLARS, YUAN = walk(1, 0.012, 9_000), walk(2, 0.004, 1.08), walk(3, 0.003, 7.8)
"""A tonne of copper in dollars, a euro in dollars, a euro in yuan."""


def dated(rates, days=DAYS):
    return list(zip(days, rates, strict=True))


def rates_of(quotes):
    return [
        Quote(n, series_id_of(base, quote), day, Decimal(f"{rate:.12g}"), "rate")
        for n, (base, quote, day, rate) in enumerate(quotes)
    ]


def ingest_rates(database, *quotes):
    """Ingests rates (base, quote, day, rate) as one message; returns the counts of the verdicts."""
    do(database, lambda write: ensure_fx_series(write, {quote[:2] for quote in quotes}))
    found = do(database, lambda write: ingest_prices(write, rates_of(quotes)))
    return found.accepted, found.duplicates, found.quarantined, found.refused


def verdicts(database, base, quote):
    """Returns the stored observations of a pair, oldest first."""
    with database.read() as connection:
        rows = list_prices(connection, get_series(connection, series_id_of(base, quote)).key, EVERYTHING, END, 1_000)
    return [row.verdict for row in rows[::-1]]


def latest(database, asset="lot-1", currency="EUR"):
    """Returns the newest recorded valuation in a currency."""
    with database.read() as connection:
        return next(
            row
            for row in list_valuations(connection, asset, EVERYTHING, (1 << 62, ""), 50)
            if row["currency"] == currency
        )


def valued(database, currency, asset="lot-1"):
    """Returns the current valuation of an asset in a currency, not recorded."""
    with database.read() as connection:
        return value_assets(connection, [asset], currency)[0].row


def path_of(row):
    return [f"{'1/' * leg.inverse}{leg.base}/{leg.quote}" for leg in legs_of(row["fx_path"])]


@pytest.fixture
def priced(built_book):
    """A lot of copper priced in dollars; no rates."""
    return built_book(priced_lot)


@pytest.fixture
def book(built_book):
    """The same, and the lot secures a loan in euro."""
    return built_book(lent_in_euro)


def priced_lot(url):
    database = open_empty_book(url)
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    rows = [Quote(n, "copper", day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(dated(COPPER))]
    do(database, lambda write: ingest_prices(write, rows))
    do(database, lambda write: register(write, LOT))
    return database


def lent_in_euro(url):
    database = priced_lot(url)
    nothing = Money(0, "EUR")
    balance = Balance(nothing, nothing, nothing, FIRST)
    do(database, lambda write: lending.create_loan(write, Loan("loan-1", "Acme", "EUR", balance)))
    do(database, lambda write: pledges.pledge_asset(write, Pledge("p-1", "loan-1", "lot-1")))
    return database


def test_the_inverse_quote_of_the_next_day_changes_neither_value_nor_haircut(book):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-1]))
    before = latest(book)

    ingest_rates(book, ("USD", "EUR", DAYS[-1], 1 / DOLLARS[-2]))

    after = latest(book)
    assert (path_of(before), path_of(after)) == (["1/EUR/USD"], ["USD/EUR"])
    assert after["fx_day"] == day_of(DAYS[-1])
    assert abs(after["market_minor"] - before["market_minor"]) <= 1
    assert after["h_market"] == pytest.approx(before["h_market"], abs=0.002)
    assert not after["stand_ins"]


def test_the_first_own_quote_after_a_year_of_crosses_keeps_the_haircut(book):
    crosses = [("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)]
    crosses += [("EUR", "CNY", day, rate) for day, rate in dated(YUAN)]
    ingest_rates(book, *crosses)
    before = valued(book, "CNY")

    ingest_rates(book, ("USD", "CNY", DAYS[-1], YUAN[-1] / DOLLARS[-1]))

    after = valued(book, "CNY")
    assert (path_of(before), path_of(after)) == (["1/EUR/USD", "EUR/CNY"], ["USD/CNY"])
    assert not after["stand_ins"]
    assert after["h_market"] == pytest.approx(before["h_market"], abs=0.003)


def test_a_stale_own_rate_gives_way_to_a_fresh_cross_and_then_becomes_unknown(book):
    ingest_rates(book, ("EUR", "USD", DAYS[-30], 1.0))
    assert latest(book)["unknown"] == int(UnknownReason.STALE_FX)

    ingest_rates(book, ("EUR", "CNY", DAYS[-1], 7.8), ("USD", "CNY", DAYS[-1], 7.2))
    known = latest(book)
    assert (path_of(known), known["unknown"]) == (["USD/CNY", "1/EUR/CNY"], 0)

    do(book, lambda write: advance(write, day_of(FIRST) + 30))
    finish_run(book)
    stale = latest(book)
    assert (path_of(stale), stale["unknown"]) == (path_of(known), int(UnknownReason.STALE_FX))


def test_prices_of_days_without_a_rate_do_not_make_a_haircut(book):
    """A year of prices at one old rate would show no risk of the exchange rate."""
    ingest_rates(book, ("EUR", "USD", DAYS[0], 1.08), ("EUR", "USD", DAYS[-1], 1.08))

    assert latest(book)["stand_ins"]


def test_a_leg_touches_the_loans_whose_conversion_could_now_use_it(book):
    assert latest(book)["unknown"] == int(UnknownReason.NO_FX)
    ingest_rates(book, ("CNY", "USD", DAYS[-1], 0.14))
    without = latest(book)

    ingest_rates(book, ("CNY", "EUR", DAYS[-1], 0.128))
    assert (without["unknown"], latest(book)["unknown"]) == (int(UnknownReason.NO_FX), 0)

    connected = latest(book)["seq"]
    ingest_rates(book, ("CNY", "GBP", DAYS[-1], 0.11))
    assert latest(book)["seq"] == connected


def test_a_run_over_the_book_gives_the_values_of_the_changes(book):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-1]))
    ingest_rates(book, ("USD", "EUR", DAYS[-1], 1 / DOLLARS[-1]))
    changed = latest(book)

    run_book(book, Author("test", "test"))

    same = set(changed) - {"seq", "of_run", "good_seq", "known_us"}
    assert {name: latest(book)[name] for name in same} == {name: changed[name] for name in same}


def test_a_rate_is_screened_against_both_directions(book):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-4]))

    percent = ingest_rates(book, ("USD", "EUR", DAYS[-4], 92.6))
    good = ingest_rates(book, ("USD", "EUR", DAYS[-3], 1 / DOLLARS[-3]))
    same_day = ingest_rates(book, ("USD", "EUR", DAYS[-5], 92.6))

    assert (percent, good, same_day) == ((0, 0, 1, 0), (1, 0, 0, 0), (0, 0, 1, 0))
    assert latest(book)["fx_day"] == day_of(DAYS[-3])


def test_the_first_rate_of_a_day_holds_a_contradicting_inverse(book):
    assert ingest_rates(book, ("EUR", "USD", DAYS[-1], 1.08), ("USD", "EUR", DAYS[-1], 92.6)) == (1, 0, 1, 0)
    assert ingest_rates(book, ("USD", "EUR", DAYS[-1], 0.9259)) == (1, 0, 0, 0)
    assert ingest_rates(book, ("USD", "EUR", DAYS[-1], 0.9259)) == (0, 1, 0, 0)


@pytest.mark.parametrize("together", [True, False])
def test_quotes_of_both_directions_confirm_a_level_together(book, together):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-3]))
    level = DOLLARS[-1] * 2
    devalued = [
        ("EUR", "USD", DAYS[-3], level),
        ("USD", "EUR", DAYS[-2], 1 / level),
        ("EUR", "USD", DAYS[-1], level),
    ]

    for message in [devalued] if together else [[one] for one in devalued]:
        counts = ingest_rates(book, *message)

    assert counts == ((3, 0, 0, 0) if together else (1, 0, 0, 0))
    assert verdicts(book, "EUR", "USD")[-2:] == [ACCEPTED, ACCEPTED]
    assert verdicts(book, "USD", "EUR")[-1:] == [ACCEPTED]
    assert latest(book)["fx_rate"] == pytest.approx(1 / level)


def test_a_correction_of_an_inverse_quote_is_used(book):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-1]))
    ingest_rates(book, ("USD", "EUR", DAYS[-1], 0.95))
    ingest_rates(book, ("USD", "EUR", DAYS[-1], 0.93))

    assert latest(book)["fx_rate"] == 0.93


def test_a_cross_with_a_wrong_leg_is_flagged_and_not_used(book):
    ingest_rates(book, *(("EUR", "USD", day, rate) for day, rate in dated(DOLLARS)[:-1]))
    before = latest(book)

    ingest_rates(book, ("EUR", "JPY", DAYS[-1], 160.0), ("USD", "JPY", DAYS[-1], 1.48))

    after = latest(book)
    assert after["market_minor"] == before["market_minor"]
    assert (before["quality"], after["quality"]) == (
        after["quality"] & ~int(QualityFlag.FX_PATHS_DIFFER),
        before["quality"] | int(QualityFlag.FX_PATHS_DIFFER),
    )


def test_a_series_of_a_good_never_has_the_name_of_a_pair(book):
    with pytest.raises(InvalidInput, match="price_series_id: got fx-eur-gbp"):
        do(book, lambda write: open_series(write, PriceSeries("fx-eur-gbp", "copper", "t", "USD")))


@pytest.mark.parametrize("seed", range(3))
def test_the_order_and_direction_of_rates_change_no_value_beyond_their_own_differences(priced, seed):
    crosses = zip(DAYS, DOLLARS, YUAN, strict=True)
    quotes = [
        [("EUR", "USD", day, dollars), ("EUR", "CNY", day, yuan), ("USD", "CNY", day, yuan / dollars)]
        for day, dollars, yuan in crosses
    ]
    history, newest = [one for day in quotes[:-5] for one in day], quotes[-5:]
    plain = values_after(priced, [history, *([one] for day in newest for one in day)])

    random = np.random.default_rng(seed)
    mixed = [history, *([one] for day in newest for one in shuffled(day, random))]
    mixed = [[turned(one, random) for one in shuffled(message, random)] for message in mixed]
    other = values_after(priced, mixed)

    for one, two in zip(plain, other, strict=True):
        assert two["market_minor"] == pytest.approx(one["market_minor"], rel=2e-9, abs=1)
        assert two["lendable_minor"] == pytest.approx(one["lendable_minor"], rel=1e-3)


def values_after(database, messages):
    """Returns the values in euro and yuan after messages of rates; what they change is rolled back."""
    with database.write("test", Author("test", "test")) as write:
        for message in messages:
            ensure_fx_series(write, {one[:2] for one in message})
            assert ingest_prices(write, rates_of(message)).accepted == len(message)
        return [value_assets(write.connection, ["lot-1"], currency)[0].row for currency in ("EUR", "CNY")]


def shuffled(quotes, random):
    return [quotes[row] for row in random.permutation(len(quotes))]


def turned(quote, random):
    """Returns a quote, or its inverse."""
    base, other, day, rate = quote
    return (other, base, day, 1 / rate) if random.random() < 0.5 else quote
