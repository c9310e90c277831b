"""Goods leave a pledge when they go to where it does not reach; a split or a merge in the warehouse keeps them."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from collateral_registry.commands.assets.register import retire
from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.loans.pledges import ReleaseRequest, release_pledge
from collateral_registry.commands.stock.stock_intake import book_batches
from collateral_registry.domain.findings.kinds import FindingKind, FindingState
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.stock.holdings import Flow, LotLink, holdings
from collateral_registry.domain.stock.movements import MovementKind, Movements
from collateral_registry.store.loans.pickups import get_pickup
from tests.support.books import do
from tests.support.counting import WAREHOUSE, count, quantity
from tests.support.small_book import (
    FIRST_US,
    HOUR_US,
    findings,
    goods,
    lend_on,
    lot,
    opened,
    owe,
    pledge,
    register,
    request,
    sync_stock,
)

OTHER = "Ningbo"


def move(book, *rows, synced=True):
    """Reports movements (id, kind, lot, tonnes, further fields) in one call and applies the pending stock."""
    items = []
    for name, kind, number, tonnes, *more in rows:
        fields = more[0] if more else {}
        receipt = {"good": "aluminium", "unit": "t"} if kind == "RECEIPT" else {"good": "", "unit": ""}
        place = {"warehouse": "", "lot": ""} if kind == "CORRECTION" else {"warehouse": WAREHOUSE, "lot": number}
        item = {"movement_id": name, "kind": int(MovementKind[kind]), "effective_us": FIRST_US - HOUR_US, **place}
        empty = dict.fromkeys(("bin", "to_bin", "grade", "document", "to_warehouse", "to_lot", "corrects"), "")
        items.append({**empty, **item, **receipt, "quantity": round(tonnes * 1_000_000), **fields})
    batch = Batch("dagang", CALL, CALL, "", Movements(**{key: [item[key] for item in items] for key in items[0]}))
    (result,) = book_batches(book, [batch])
    assert not result.rejected, result.rejected
    if synced:
        sync_stock(book)


def to(name):
    return {"to_lot": name}


def unauthorised(book):
    """Returns the unauthorised quantity and the lot of each finding about goods that left, oldest first."""
    found = [row for row in findings(book) if row.finding.kind == FindingKind.UNAUTHORISED_ISSUE]
    return [(row.finding.evidence["unauthorised"], row.finding.evidence["lot"]) for row in found]


@pytest.fixture(scope="module")
def sqlite_folder(tmp_path_factory):
    """A folder for the books of one property."""
    return tmp_path_factory.mktemp("books")


@pytest.fixture
def pledged(built_book):
    """100 t of aluminium in lot-a, pledged for 490,000 dollars."""
    return built_book(pledged_goods)


def pledged_goods(url):
    book = opened(url)
    move(book, ("in", "RECEIPT", "lot-a", 100))
    goods(book)
    return book


@pytest.mark.parametrize(
    ("kind", "fields", "tonnes"),
    [
        ("ISSUE", {}, 40),
        ("TRANSFER", {"to_warehouse": OTHER}, 40),
        ("TRANSFER", {"to_warehouse": OTHER, "to_lot": "lot-b"}, 40),
        ("ADJUSTMENT", {}, -40),
        ("CORRECTION", {"corrects": "in"}, 60),
    ],
)
def test_goods_that_leave_by_any_movement_are_a_critical_finding(pledged, kind, fields, tonnes):
    move(pledged, ("out", kind, "lot-a", tonnes, fields))

    assert unauthorised(pledged) == [("40 t", "lot-a")]
    assert quantity(pledged, "lot-a") == 60


@pytest.mark.parametrize("synced", [True, False])
def test_an_issue_after_a_split_is_an_issue_of_pledged_goods(pledged, synced):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")), synced=synced)
    move(pledged, ("i", "ISSUE", "lot-b", 30))

    assert unauthorised(pledged) == [("30 t", "lot-b")]
    assert quantity(pledged, "lot-a") == 70


def test_a_split_keeps_the_goods_under_the_pledge_without_a_finding(pledged):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))

    assert findings(pledged) == []
    assert quantity(pledged, "lot-a") == 100


def test_a_chain_of_splits_and_merges_back_keeps_the_goods(pledged):
    rows = [("s1", "SPLIT", "lot-a", 40, to("lot-b")), ("s2", "SPLIT", "lot-b", 15, to("lot-c"))]
    move(pledged, *rows)
    kept = quantity(pledged, "lot-a")
    move(pledged, ("m1", "MERGE", "lot-c", 15, to("lot-b")), ("m2", "MERGE", "lot-b", 40, to("lot-a")))

    assert (kept, quantity(pledged, "lot-a"), findings(pledged)) == (100, 100, [])


def test_goods_that_are_transferred_after_a_split_have_left(pledged):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")), ("t", "TRANSFER", "lot-b", 40, {"to_warehouse": OTHER}))

    assert unauthorised(pledged) == [("40 t", "lot-b")]
    assert quantity(pledged, "lot-a") == 60


def test_a_merge_with_other_goods_adds_nothing_and_other_goods_leave_first(pledged):
    move(pledged, ("r", "RECEIPT", "lot-b", 30), ("m", "MERGE", "lot-a", 100, to("lot-b")))
    merged = quantity(pledged, "lot-a")
    move(pledged, ("i1", "ISSUE", "lot-b", 30))
    first = unauthorised(pledged)
    move(pledged, ("i2", "ISSUE", "lot-b", 100))

    assert (merged, first) == (100, [])
    assert unauthorised(pledged) == [("100 t", "lot-b")]
    assert quantity(pledged, "lot-a") == 0


def test_goods_of_two_assets_in_one_lot_count_once(pledged):
    move(pledged, ("r", "RECEIPT", "lot-b", 50))
    register(pledged, lot("lot-b"))
    lend_on(pledged, "bank-1")
    pledge(pledged, "bank-1", "lot-b")
    move(pledged, ("m", "MERGE", "lot-a", 100, to("lot-b")))
    merged = quantity(pledged, "lot-a"), quantity(pledged, "lot-b")
    move(pledged, ("i", "ISSUE", "lot-b", 70))

    assert merged == (100, 50)
    assert (quantity(pledged, "lot-a"), quantity(pledged, "lot-b")) == (80, 0)


def test_a_split_from_a_lot_with_goods_of_two_pledges_is_a_finding(pledged):
    move(pledged, ("r", "RECEIPT", "lot-b", 50))
    register(pledged, lot("lot-b"))
    lend_on(pledged, "bank-1")
    pledge(pledged, "bank-1", "lot-b")
    move(pledged, ("m", "MERGE", "lot-a", 100, to("lot-b")), ("s", "SPLIT", "lot-b", 40, to("lot-c")))

    assert unauthorised(pledged) == [("40 t", "lot-b")]
    assert quantity(pledged, "lot-a") + quantity(pledged, "lot-b") == 110


def test_a_correction_of_a_split_returns_the_goods(pledged):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    move(pledged, ("c", "CORRECTION", "", 10, {"corrects": "s"}))

    assert (quantity(pledged, "lot-a"), findings(pledged)) == (100, [])


def test_a_correction_that_returns_goods_to_a_lot_outside_of_the_pledge_is_a_finding(pledged):
    move(pledged, ("r", "RECEIPT", "lot-b", 50), ("m", "MERGE", "lot-b", 50, to("lot-a")))
    move(pledged, ("c", "CORRECTION", "", 20, {"corrects": "m"}))

    assert unauthorised(pledged) == [("30 t", "lot-a")]
    assert quantity(pledged, "lot-a") == 120


def test_an_authorisation_covers_issues_from_every_lot_of_the_asset(pledged):
    request(pledged, "30")
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    move(pledged, ("i1", "ISSUE", "lot-b", 20), ("i2", "ISSUE", "lot-a", 10))
    with pledged.read() as connection:
        taken = get_pickup(connection, "bank-0", "u-1").pickup.taken

    assert (taken, findings(pledged), quantity(pledged, "lot-a")) == (30_000_000, [], 70)


def test_a_count_of_a_lot_after_a_split_reserves_goods_of_the_asset(pledged):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    count(pledged, ("lot-b", 25))

    assert quantity(pledged, "lot-a") == 85
    (short,) = findings(pledged)
    assert (short.finding.kind, short.asset_id) == (FindingKind.COUNT_BELOW_BOOK, "lot-a")


def test_goods_that_a_count_missed_do_not_reappear_by_a_merge(pledged):
    move(pledged, ("r", "RECEIPT", "lot-b", 1))
    count(pledged, ("lot-a", 60))
    short = quantity(pledged, "lot-a")
    move(pledged, ("m", "MERGE", "lot-a", 100, {**to("lot-b"), "effective_us": FIRST_US + 1}))

    assert (short, quantity(pledged, "lot-a")) == (60, 60)


@pytest.mark.parametrize("number", ["lot-b", "LOT-B", "lot b"])
@pytest.mark.parametrize("synced", [True, False])
def test_a_lot_with_goods_of_a_pledged_asset_cannot_be_registered_again(pledged, number, synced):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")), synced=synced)
    if not synced and number != "lot-b":
        sync_stock(pledged)

    with pytest.raises(Refused, match="holds goods of assets/lot-a") as refused:
        register(pledged, lot("again", "40", lot=number))
    assert refused.value.reason == "DOUBLE_PLEDGE"


def test_a_lot_with_goods_of_a_released_asset_becomes_an_asset_of_its_own(pledged):
    owe(pledged, "bank-0", 0)
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    do(pledged, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest()))
    register(pledged, lot("own", "1", lot="lot-b"))
    sync_stock(pledged)

    assert (quantity(pledged, "lot-a"), quantity(pledged, "own")) == (60, 40)


def test_a_registered_lot_that_receives_pledged_goods_does_not_gain_them(pledged):
    register(pledged, lot("later", "40", lot="lot-b"))
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))

    assert (quantity(pledged, "lot-a"), quantity(pledged, "later")) == (100, 0)


def test_a_split_before_the_pledge_is_not_followed(book):
    move(book, ("in", "RECEIPT", "lot-a", 100))
    register(book, lot("lot-a"))
    move(book, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    move(book, ("i", "ISSUE", "lot-b", 40))

    assert (quantity(book, "lot-a"), findings(book)) == (60, [])


def test_a_retired_asset_has_no_other_lots(pledged):
    owe(pledged, "bank-0", 0)
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")))
    do(pledged, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest()))
    do(pledged, lambda write: retire(write, "lot-a", ""))
    register(pledged, lot("own", "1", lot="lot-b"))

    assert quantity(pledged, "own") == 40


def test_pledged_goods_in_two_lots_are_not_over_pledged(pledged):
    move(pledged, ("s", "SPLIT", "lot-a", 40, to("lot-b")), ("x", "RECEIPT", "lot-x", 50))
    register(pledged, lot("lot-x"))
    lend_on(pledged, "bank-1")
    pledge(pledged, "bank-1", "lot-x")

    assert [row for row in findings(pledged) if row.state == FindingState.OPEN] == []


NAMES = ("lot-a", "lot-b", "lot-c", "lot-d")
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["SPLIT", "SPLIT", "MERGE", "ISSUE", "TRANSFER", "ADJUSTMENT"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.integers(1, 60),
        st.booleans(),
    ),
    min_size=3,
    max_size=10,
)


@pytest.mark.long
@settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(MOVES)
def test_what_a_pledged_asset_loses_is_exactly_what_left_its_lots(sqlite_folder, moves):
    """The pledged goods are the only ones in the warehouse, so the asset has all that is there."""
    book = opened(f"sqlite:///{sqlite_folder}/{uuid4().hex}.db")
    move(book, ("in", "RECEIPT", "lot-a", 100))
    goods(book)
    there, left = dict.fromkeys(NAMES, 0) | {"lot-a": 100}, 0
    for at, (kind, name, other, tonnes, synced) in enumerate(moves):
        taken = min(tonnes, there[name])
        is_known = there[other] > 0 or kind != "MERGE"
        if not taken or (kind in {"SPLIT", "MERGE"} and (name == other or not is_known)):
            continue
        fields = {"to_warehouse": OTHER} if kind == "TRANSFER" else to(other) if kind in {"SPLIT", "MERGE"} else {}
        move(book, (f"m-{at}", kind, name, -taken if kind == "ADJUSTMENT" else taken, fields), synced=synced)
        there[name] -= taken
        if kind in {"SPLIT", "MERGE"}:
            there[other] += taken
        else:
            left += taken
    sync_stock(book)
    found = sum(float(quantity.removesuffix(" t")) for quantity, _ in unauthorised(book))
    held = quantity(book, "lot-a")
    book.close()

    assert (held, found) == (100 - left, left)


LOTS = (1, 2, 3, 4)


@given(
    st.lists(st.tuples(st.sampled_from(LOTS), st.sampled_from(LOTS), st.integers(0, 100)), max_size=12),
    st.dictionaries(st.sampled_from(LOTS), st.integers(-50, 200)),
)
def test_parts_of_lots_never_add_up_to_more_than_is_there(moves, counted):
    flows = [Flow(at + 1, one, other, tonnes) for at, (one, other, tonnes) in enumerate(moves) if one != other]
    links = [LotLink(key, asset, own, 0) for asset, own in ((10, 1), (20, 2)) for key in LOTS if key != own]
    found = holdings({10: 1, 20: 2}, links, flows, counted)

    assert sum(found.of_asset.values()) <= sum(max(tonnes, 0) for tonnes in counted.values())
    assert all(part >= 0 for part in found.of_asset.values())
