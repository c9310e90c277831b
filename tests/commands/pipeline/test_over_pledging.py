"""Pledged or receipted stock in a warehouse never exceeds the available stock."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sqlalchemy import select

from collateral_registry.commands.assets import register as asset_commands
from collateral_registry.commands.findings.check_book import check_whole_book
from collateral_registry.domain.findings.kinds import FindingKind, FindingState
from collateral_registry.domain.findings.over_pledging import Claim, allotted
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.schema.assets import InventoryRow
from tests.support.books import do
from tests.support.small_book import cover, findings, lend_on, loans_with_event, lot, owe, pledge, register, stock
from valuation.flags import QualityFlag
from valuation.money import PPM

THOUSAND_TONNES = 1_000


def qingdao(book, receipts=3):
    """Registers receipts of 100 kt each, pledged to one bank each."""
    for number in range(receipts):
        name = f"receipt-{'abc'[number]}"
        register(book, lot(name, "100000", owner=f"Trader {number}", receipt_number=f"QD-{number + 1}0{number + 1}5"))
        lend_on(book, f"bank-{number}", borrower=f"Trader {number}")
        pledge(book, f"bank-{number}", name)


def test_receipts_for_300_kt_on_100_kt_of_metal_are_refused(book):
    """Qingdao: the second receipt on the same metal is refused with the sums and the holder of the first."""
    stock(book, 1, ("RECEIPT", "shed-7", 100 * THOUSAND_TONNES))
    qingdao(book, 1)

    with pytest.raises(Refused, match="would be pledged or receipted") as refused:
        register(book, lot("receipt-b", "100000", owner="Trader 1", receipt_number="QD-7777"))

    assert refused.value.reason == "OVER_PLEDGED"
    assert refused.value.facts["claimed"] == "200000 t"
    assert refused.value.facts["there"] == "100000 t"
    assert "assets/receipt-a 100000 t for loans/bank-0" in refused.value.facts["holders"]


def test_receipts_for_300_kt_count_a_third_each_once_the_warehouse_reports_100_kt(book):
    """A flag marks unreported stock; after the report each bank is notified and counts only its part."""
    qingdao(book)
    before = [cover(book, f"bank-{number}") for number in range(3)]
    stock(book, 1, ("RECEIPT", "shed-7", 100 * THOUSAND_TONNES))
    after = [cover(book, f"bank-{number}") for number in range(3)]
    found = [row for row in findings(book) if row.finding.kind == FindingKind.OVER_PLEDGED]

    assert all(row["quality"] & int(QualityFlag.STOCK_UNVERIFIED) for row in before)
    assert [row["market_minor"] for row in before] == [100_000 * 1_000_000] * 3
    assert sum(row["market_minor"] for row in after) <= 100_000 * 1_000_000
    assert all(abs(row["market_minor"] - 33_333_333_333) <= 1_000_000 for row in after)
    assert all(row["quality"] & int(QualityFlag.STOCK_SHORT) for row in after)
    assert not any(row["quality"] & int(QualityFlag.STOCK_UNVERIFIED) for row in after)
    assert sorted(row.asset_id for row in found) == ["receipt-a", "receipt-b", "receipt-c"]
    assert found[0].finding.evidence["claimed"] == "300000 t"
    assert sorted(loans_with_event(book, EventKind.FINDING_OPENED)) == ["bank-0", "bank-1", "bank-2"]


def test_an_issue_below_the_receipted_quantity_opens_a_finding_and_a_receipt_closes_it(book):
    stock(book, 1, ("RECEIPT", "shed-7", 100))
    register(book, lot("receipt-a", "100", receipt_number="QD-1005"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "receipt-a")
    stock(book, 2, ("ISSUE", "shed-7", 40))
    short = cover(book, "bank-0")["market_minor"]
    stock(book, 3, ("RECEIPT", "shed-8", 40))

    (found,) = findings(book)
    assert short == 60 * 1_000_000
    assert cover(book, "bank-0")["market_minor"] == 100 * 1_000_000
    assert found.state == FindingState.RESOLVED
    assert found.finding.evidence["there"] == "60 t"


def test_another_spelling_of_the_warehouse_is_the_same_place(book):
    stock(book, 1, ("RECEIPT", "shed-7", 100))
    register(book, lot("receipt-a", "100", receipt_number="QD-1005"))

    with pytest.raises(Refused) as refused:
        register(book, lot("receipt-b", "1", receipt_number="QD-7777", warehouse="QINGDAO-DAGANG", unit="kg"))

    assert refused.value.reason == "OVER_PLEDGED"
    assert refused.value.facts["claimed"] == "100.001 t"


def test_an_asset_without_pledge_and_receipt_claims_nothing_until_it_is_pledged(book):
    stock(book, 1, ("RECEIPT", "shed-7", 100))
    register(book, lot("lot-a", "80"))
    register(book, lot("lot-b", "80"))
    for number, name in enumerate(("lot-a", "lot-b")):
        lend_on(book, f"bank-{number}")
        if number == 0:
            pledge(book, "bank-0", name)
    with pytest.raises(Refused) as refused:
        pledge(book, "bank-1", "lot-b")
    pledge(book, "bank-1", "lot-b", share_ppm=250_000)

    assert refused.value.reason == "OVER_PLEDGED"
    assert "loans/bank-0" in refused.value.facts["holders"]


def test_a_larger_quantity_on_a_receipt_is_refused_and_a_smaller_one_is_not(book):
    stock(book, 1, ("RECEIPT", "shed-7", 100))
    stored = register(book, lot("receipt-a", "90", receipt_number="QD-1005"))

    def quantity(tonnes):
        def changed(asset):
            return replace(asset, detail=replace(asset.detail, quantity=Decimal(tonnes)))

        return lambda write: asset_commands.change(write, "receipt-a", "", changed)

    with pytest.raises(Refused):
        do(book, quantity("101"))
    smaller = do(book, quantity("50"))

    assert smaller.asset.detail.quantity == Decimal(50)
    assert stored.asset.detail.quantity == Decimal(90)


def test_the_check_of_the_book_finds_shortages_and_repeats_no_finding(book):
    """The sums of the whole book show a lot that was stored without any check."""
    qingdao(book, 2)
    stock(book, 1, ("RECEIPT", "shed-7", 150 * THOUSAND_TONNES))
    first = do(book, check_whole_book)
    second = do(book, check_whole_book)

    assert (first.over_pledged, first.strong, first.suspicions) == (1, 0, 0)
    assert second.over_pledged == 1
    assert second.opened == 0
    assert len([row for row in findings(book) if row.finding.kind == FindingKind.OVER_PLEDGED]) == 2


def test_the_counted_quantity_of_all_lots_never_exceeds_the_available_stock(book):
    qingdao(book)
    for sequence, tonnes in enumerate((90_001, 12_345.678901, 0.000001), start=1):
        stock(book, sequence, ("RECEIPT", f"shed-{sequence}", tonnes))
        with book.read() as connection:
            shares = np.array(connection.execute(select(InventoryRow.counted_share)).scalars().all())
        there = (90_001, 102_346.678901, 102_346.678902)[sequence - 1]

        assert (shares * 100_000).sum() <= there * (1 + 1e-12)


@given(st.lists(st.integers(0, 10**15), max_size=12), st.integers(0, 10**15))
def test_allotments_never_exceed_the_available_stock_nor_a_claim(claims, there):
    held = allotted(claims, there)

    assert all(0 <= part <= claim for part, claim in zip(held, claims, strict=True))
    if sum(claims) > there:
        assert there - len(claims) <= sum(held) <= there
    else:
        assert held == claims


@given(
    st.integers(1, 10**13),
    st.integers(0, 10**13),
    st.booleans(),
    st.integers(1, PPM),
    st.integers(0, 10**13),
    st.integers(0, 10**13),
)
def test_the_pledged_part_of_the_counted_quantity_is_allotted(quantity, stated, receipted, pledged_ppm, held, leaving):
    claim = Claim(1, "a", "t", quantity, stated, receipted, pledged_ppm)
    claimed = claim.claimed_in("t")
    counted = claim.counted_share(claimed, min(held, claimed), leaving) * quantity

    promised = counted if receipted else counted * pledged_ppm / PPM
    assert 0 <= counted <= quantity
    assert promised <= min(held, claimed) * (1 + 1e-12) or held >= claimed


def test_a_place_without_reports_does_not_affect_exposure(book):
    register(book, lot("lot-a", "80"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    owe(book, "bank-0", 100_000)

    assert cover(book, "bank-0")["quality"] & int(QualityFlag.STOCK_UNVERIFIED)
    assert cover(book, "bank-0")["market_minor"] == 80 * 1_000_000
