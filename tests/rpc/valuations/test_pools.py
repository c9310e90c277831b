"""A pool is quoted as the cover of the loan that it would secure, and says why an asset counts for less."""

import grpc
import pytest

from collateral_registry.v1 import asset_pb2, common_pb2, loan_pb2, valuation_pb2 as pb
from tests.support.server import Client, amount, copper_lot, details_of, money


def draft(quantity: str = "10", **fields: object) -> pb.PooledAsset:
    """Returns a lot that states neither an owner nor a place."""
    asset = copper_lot(quantity, **fields)
    asset.owner = ""
    for name in ("warehouse", "lot"):
        asset.inventory.ClearField(name)
    return pb.PooledAsset(draft=asset)


def named(name: str) -> pb.PooledAsset:
    return pb.PooledAsset(name=f"assets/{name}")


def quoted(client: Client, *assets: pb.PooledAsset, currency: str = "USD") -> pb.QuotePoolResponse:
    return client.valuations.QuotePool(pb.QuotePoolRequest(assets=assets, currency_code=currency))


@pytest.fixture(scope="module")
def pooled(shared_client: Client) -> Client:
    """A book with a lot that is free, one that is pledged with a limit, and one that is pledged without."""
    shared_client.open_copper()
    shared_client.quote_history()
    shared_client.register_loan("other")
    for lot in ("free", "limited", "unlimited"):
        shared_client.register_lot(lot)
    shared_client.pledge("other", "limited", "p-1", limit=money("100000"))
    shared_client.pledge("other", "unlimited", "p-2")
    return shared_client


def test_the_quote_is_the_cover_and_the_headroom_of_the_loan_that_the_pool_secures(pooled):
    quote = quoted(pooled, named("free"), draft(), named("limited"), draft())

    pooled.register_loan("new")
    for at, one in enumerate(("free", "limited")):
        pooled.pledge("new", one, f"p-{at}", rank=at + 1)
    for at in (2, 3):
        pooled.register_lot(f"draft-{at}", "10")
        pooled.pledge("new", f"draft-{at}", f"p-{at}")
    cover = pooled.loan("new").cover
    cover.sequence = 0
    assert quote.cover == cover
    check = pooled.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/new", amount=quote.largest_principal))
    assert check.allowed
    assert (check.headroom, check.ltv_limit) == (quote.headroom, quote.ltv_limit)
    assert quote.headroom == quote.largest_principal
    assert [one.rank for one in quote.assets] == [1, 1, 2, 1]
    drafted = quote.assets[1].valuation
    assert (drafted.asset, [one.source for one in drafted.inputs]) == (
        "",
        ["", "priceSeries/copper", "priceSeries/copper"],
    )
    pooled.loans.CloseLoan(loan_pb2.CloseLoanRequest(name="loans/new"))


def test_an_asset_that_counts_for_less_states_why(pooled):
    unpriced = draft()
    unpriced.draft.inventory.good = "zinc"
    claimed = draft()
    claimed.draft.prior_claims.CopyFrom(money("1000"))
    quote = quoted(pooled, named("free"), named("limited"), named("unlimited"), unpriced, claimed)

    full, limited, unlimited, unknown, prior = quote.assets
    assert full.reason == ""
    assert limited.reason == "the limits of the pledges ahead count first"
    assert limited.senior_pledges == ["loans/other/pledges/p-1"]
    assert "loans/other/pledges/p-2, which has no limit" in unlimited.reason
    assert (unlimited.rank, amount(unlimited.lendable_claim)) == (0, 0)
    assert unknown.reason == "its value is UNKNOWN and counts as 0"
    assert unknown.valuation.unknown_reasons == [common_pb2.UNKNOWN_REASON_NO_PRICE]
    assert prior.reason == "prior claims of other creditors count first"
    assert amount(quote.cover.lendable_value) == sum(amount(one.lendable_claim) for one in quote.assets)
    assert quote.reason_code == loan_pb2.DRAW_REFUSAL_COVERAGE_UNKNOWN
    assert amount(quote.headroom) == 0 < amount(quote.largest_principal)


@pytest.mark.parametrize(
    ("assets", "currency", "fields"),
    [
        ([pb.PooledAsset()], "USD", ["assets[0].asset"]),
        ([named("Free")], "usd", ["assets[0].name", "currency_code"]),
        ([draft(), draft(unit="glug")], "USD", ["assets[1].draft.inventory.unit"]),
        ([draft(), draft("-5")], "USD", ["assets[1].draft.inventory.quantity"]),
        ([named("free"), named("free")], "USD", ["assets[1].name"]),
    ],
)
def test_violations_are_named_from_the_root_of_the_request(pooled, assets, currency, fields):
    with pytest.raises(grpc.RpcError) as refused:
        quoted(pooled, *assets, currency=currency)

    assert details_of(refused.value)[1] == fields


def test_a_draft_that_is_registered_is_refused_with_its_name(pooled):
    twin = pb.PooledAsset(draft=copper_lot(lot="FREE"))

    with pytest.raises(grpc.RpcError) as refused:
        quoted(pooled, draft(), twin)

    facts = details_of(refused.value)[0].metadata
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert (facts["holder"], facts["place"]) == ("assets/free", "assets[1].draft")


@pytest.mark.parametrize(
    ("numbers", "fields"),
    [
        ({"lot": "L-7"}, ["assets[1].draft"]),
        ({"receipt_number": "R-7"}, ["assets[1].draft"]),
        ({"bin": "B-7"}, []),
    ],
)
def test_a_number_that_two_drafts_state_without_a_warehouse_is_one_thing(pooled, numbers, fields):
    one, other = draft("10"), draft("10")
    for member in (one, other):
        member.draft.inventory.MergeFrom(asset_pb2.Inventory(**numbers))
    elsewhere = pb.PooledAsset(draft=one.draft)
    elsewhere.draft.inventory.warehouse = "another"

    def refused(*assets: pb.PooledAsset) -> list[str]:
        try:
            quoted(pooled, *assets)
        except grpc.RpcError as error:
            return details_of(error)[1]
        return []

    assert refused(one, other) == fields
    assert refused(one, elsewhere) == []


def test_a_quote_records_nothing(pooled):
    before = pooled.assets.ListAssets(asset_pb2.ListAssetsRequest())
    quoted(pooled, draft(), named("free"))

    assert pooled.assets.ListAssets(asset_pb2.ListAssetsRequest()) == before
