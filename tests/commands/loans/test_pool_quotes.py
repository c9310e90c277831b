"""The quote of a pool is the cover of a new loan to which the same assets are pledged."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.pool_quotes import PoolQuote, quote_pool
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices, open_series
from collateral_registry.domain.assets.claims import Receivable
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.errors import AlreadyExists, NotFound
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.judgements import newest_claims, newest_judgements
from collateral_registry.store.loans.pledges import get_pledge
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, IP_ASSET, LOT, MACHINE, PAPERS, do, open_empty_book, quotes, registered
from valuation.errors import InvalidInput

TWINS = itertools.count()

REGISTERED = ("free", "limited", "limited-abroad", "twice", "blocked", "claimed", "machine", "unpriced")
"""Assets of the book; see ``book``."""


def lot(number: str, quantity: str = "10", unit: str = "t", good: str = "copper", **fields: object) -> Asset:
    detail = Inventory(good, Decimal(quantity), unit, "W-1", number)
    return Asset(
        number.lower(), "Acme", "inventory.base_metal", **{"currency": "USD", **PAPERS, **fields}, detail=detail
    )


def spelled(asset: Asset, warehouse: str) -> Asset:
    return replace(asset, detail=replace(asset.detail, warehouse=warehouse))


def loan(name: str, currency: str = "USD") -> Loan:
    nothing = Money(0, currency)
    return Loan(name, "Acme", currency, Balance(nothing, nothing, nothing, FIRST))


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Iterator[Database]:
    database = open_empty_book(f"sqlite:///{tmp_path_factory.mktemp('pools')}/book.db")
    fill(database)
    yield database
    database.close()


def fill(empty_book: Database) -> None:
    """Registers assets that are free, pledged with and without limits, claimed by others, and UNKNOWN."""
    do(empty_book, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=10)))
    do(empty_book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    do(empty_book, lambda write: ingest_prices(write, [*quotes("copper", 9700), *quotes("fx-eur-usd", 1.13)]))
    for asset in (
        *(lot(name.upper()) for name in ("free", "limited", "limited-abroad", "twice", "blocked")),
        lot("CLAIMED", prior_claims=Money(3_000_000, "USD")),
        replace(MACHINE, asset_id="machine"),
        lot("UNPRICED", good="zinc"),
    ):
        do(empty_book, lambda write, asset=asset: register(write, asset))
    for one in (loan("usd"), loan("eur", "EUR")):
        do(empty_book, lambda write, one=one: lending.create_loan(write, one))
    for pledge in (
        Pledge("p-1", "usd", "limited", limit=Money(4_000_000, "USD")),
        Pledge("p-2", "eur", "limited-abroad", limit=Money(3_000_000, "EUR")),
        Pledge("p-3", "usd", "twice", limit=Money(2_000_000, "USD")),
        Pledge("p-4", "eur", "twice", rank=3, limit=Money(1_000_000, "EUR")),
        Pledge("p-5", "usd", "blocked"),
    ):
        do(empty_book, lambda write, pledge=pledge: pledges.pledge_asset(write, registered(pledge)))


def quoted(database, members, currency="USD") -> PoolQuote:
    with database.read() as connection:
        return quote_pool(connection, members, currency)


def twin(database, members, quote: PoolQuote) -> str:
    """Registers the drafts of a pool, pledges all members to a new loan in the currency of the pool, and names it."""
    number = next(TWINS)
    name = f"twin-{number}"
    do(database, lambda write: lending.create_loan(write, loan(name, quote.currency)))
    for at, (member, pooled) in enumerate(zip(members, quote.assets, strict=True)):
        asset_id = member
        if isinstance(member, Asset):
            asset_id = f"{name}-{at}"
            asset = replace(member, asset_id=asset_id)
            do(database, lambda write, asset=asset: register(write, asset))
        if pooled.rank:
            pledge = registered(Pledge(f"p-{at}", name, asset_id, rank=pooled.rank))
            do(database, lambda write, pledge=pledge: pledges.pledge_asset(write, pledge))
    return name


def assert_is_cover_of(database, quote: PoolQuote, name: str) -> None:
    with database.read() as connection:
        stored = get_loan(connection, name)
        for at, pooled in enumerate(quote.assets):
            if pooled.rank:
                key = get_pledge(connection, name, f"p-{at}").key
                assert (pooled.market_claim, pooled.lendable_claim) == newest_claims(connection, [key])[key]
            else:
                assert (pooled.market_claim, pooled.lendable_claim) == (0, 0)
        judged = {key: column[0].item() for key, column in newest_judgements(connection, [stored.key]).items()}
        expected = {key: judged[key] for key in quote.judgement}
        assert {**quote.judgement, "loan_key": stored.key} == expected
        assert check_draw(connection, name, Money(1, quote.currency)).headroom.minor == quote.headroom.largest


@st.composite
def drafts(draw) -> Asset:
    """Returns a draft of any kind, with numbers of its own."""
    number = f"draft {next(TWINS)}"
    currency = draw(st.sampled_from(["USD", "EUR"]))
    prior = draw(st.sampled_from([None, Money(50_000, currency), Money(10**12, currency)]))
    common = {"currency": currency, "prior_claims": prior}
    kind = draw(st.sampled_from(["lot", "lot", "machine", "patent", "uninsured", "receivable"]))
    if kind == "lot":
        return lot(number, draw(st.sampled_from(["0", "7.5", "120"])), draw(st.sampled_from(["t", "kg"])), **common)
    if kind == "machine":
        worn = replace(MACHINE.detail, serial_number=number, built=date(draw(st.integers(2005, 2021)), 3, 1))
        return replace(MACHINE, detail=worn, prior_claims=None)
    if kind == "patent":
        return replace(IP_ASSET, detail=replace(IP_ASSET.detail, number=number))
    if kind == "uninsured":
        return lot(number, insurance_expire=None, **common)
    return Asset("paper", "Acme", "receivable.trade", "USD", Receivable("Beta", number))


def test_a_quote_is_the_cover_of_the_registered_pool(book):
    @settings(max_examples=12, deadline=None)
    @given(
        named=st.lists(st.sampled_from(REGISTERED), unique=True, max_size=3),
        unregistered=st.lists(drafts(), max_size=3),
        currency=st.sampled_from(["USD", "EUR", "GBP"]),
        data=st.data(),
    )
    def holds(named, unregistered, currency, data):
        members = data.draw(st.permutations([*named, *unregistered]))
        if not members:
            return
        quote = quoted(book, members, currency)
        name = twin(book, members, quote)
        try:
            assert_is_cover_of(book, quote, name)
        finally:  # the next example finds the named assets without its pledges
            do(book, lambda write: lending.close_loan(write, name, ""))

    holds()


def test_an_asset_that_is_pledged_counts_what_the_limits_before_leave(empty_book):
    fill(empty_book)
    quote = quoted(empty_book, ["free", "limited", "twice", "blocked", "claimed"])
    free, limited, twice, blocked, claimed = quote.assets
    whole = free.lendable_claim

    assert [one.rank for one in quote.assets] == [1, 2, 4, 0, 1]
    assert limited.lendable_claim == whole - 4_000_000
    assert whole - 2_000_000 > twice.lendable_claim > 0
    assert blocked.lendable_claim == 0
    assert claimed.lendable_claim == whole - 3_000_000
    assert [[row.pledge.pledge_id for row in one.senior] for one in quote.assets] == [
        [],
        ["p-1"],
        ["p-3", "p-4"],
        ["p-5"],
        [],
    ]
    assert quote.position.pool == sum(one.lendable_claim for one in quote.assets)
    assert quote.largest_principal == quote.headroom.largest == quote.position.pool * 99 // 100


def test_an_unknown_asset_counts_as_nothing_and_bars_draws(book):
    quote = quoted(book, ["free", "unpriced"])

    assert quote.largest_principal == quoted(book, ["free"]).largest_principal
    assert quote.headroom.largest == 0
    assert quote.headroom.refusal.name == "COVERAGE_UNKNOWN"
    assert quote.judgement["unknown_assets"] == 1


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        (["free", lot("A"), "free"], ["assets[2].name"]),
        ([lot("A"), lot("A", "5")], ["assets[1].draft"]),
        (
            [lot("A"), lot("B"), replace(lot("A"), detail=replace(lot("A").detail, warehouse="w 1"))],
            ["assets[2].draft"],
        ),
        ([lot("A"), lot("B", unit="glug"), lot("C", good="zinc", unit="?")], ["assets[1].draft.inventory.unit"] * 2),
    ],
)
def test_an_asset_stated_twice_and_a_draft_that_cannot_be_registered_are_refused(book, members, fields):
    with pytest.raises(InvalidInput) as refused:
        quoted(book, members)

    named = [one.field for one in refused.value.violations]
    assert [field.replace("[2].draft.i", "[1].draft.i") for field in named] == fields


@pytest.mark.parametrize("spelling", ["W-1", "w 1"])
def test_a_draft_that_is_registered_must_be_named(book, spelling):
    draft = spelled(lot("FREE"), spelling)

    with pytest.raises(AlreadyExists, match=r"assets\[1\].draft: .* as assets/free"):
        quoted(book, ["blocked", draft])


def test_an_unknown_name_is_not_found(book):
    with pytest.raises(NotFound, match="assets/none"):
        quoted(book, ["free", "none"])


def test_a_lot_of_the_shared_books_is_quoted_alone(book):
    quote = quoted(book, [LOT])

    assert quote.assets[0].lendable_claim == quote.assets[0].valued.row["lendable_minor"] == quote.position.pool
