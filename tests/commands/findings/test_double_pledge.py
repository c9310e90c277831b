"""Refuses assets with the same reference number, and raises suspicions for similar ones, but not for serial ranges."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from collateral_registry.commands.assets import register as asset_commands
from collateral_registry.commands.findings.check_book import check_whole_book
from collateral_registry.commands.findings.double_pledge import confirm_double_pledge
from collateral_registry.commands.pipeline.findings import resolve_finding
from collateral_registry.domain.assets.claims import Receivable
from collateral_registry.domain.assets.kinds import Asset, IntellectualProperty
from collateral_registry.domain.findings.kinds import FindingKind, FindingState
from collateral_registry.domain.findings.references import identities_of
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.shared.errors import AlreadyExists, Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.references import AGREEING_LIMIT, similar_identities
from collateral_registry.store.assets.repository import insert_asset
from tests.support.books import do
from tests.support.small_book import (
    cover,
    findings,
    lend_on,
    loans_with_event,
    lot,
    machine,
    opened,
    owe,
    plans_of,
    pledge,
    push,
    recorded_statements,
    register,
    sync_stock,
)
from valuation.ip.life import RightKind


def patent(asset_id, number, owner="Acme"):
    """Returns a patent."""
    revenue = Money(90_000_000, "EUR")
    ratios = (Decimal("0.05"), Decimal("0.25"), Decimal("0.15"))
    return Asset(
        asset_id,
        owner,
        "ip.patent",
        "EUR",
        IntellectualProperty(RightKind.PATENT, "EP", number, revenue, *ratios, filing=date(2015, 5, 1)),
    )


def invoice(asset_id, number, cents=1_000_000, owner="Acme"):
    """Returns an invoice."""
    paper = Receivable("Globex", number, Money(cents, "USD"), issued=date(2021, 11, 1))
    return Asset(asset_id, owner, "receivable", "USD", paper)


TWICE = [
    (machine("m-1", "HX-1001"), machine("m-2", "hx 1OO1", owner="Other"), "serial_number"),
    (machine("m-1", "HX-1001"), machine("m-2", "HX-01001", model="another", built=None), "serial_number"),
    (machine("m-1", "HX-1001", make="Okura"), machine("m-2", "HX1001", make="OKURA."), "serial_number"),
    (lot("l-1", receipt_number="WR/2022/007"), lot("l-2", "55", receipt_number="wr-2022-7"), "receipt_number"),
    (patent("r-1", "1 234 567"), patent("r-2", "1234567", owner="Other"), "number"),
    (invoice("i-1", "INV-0044"), invoice("i-2", "inv 44"), "invoice_number"),
    (lot("l-1", lot="A-17"), lot("l-2", lot="a 17"), "lot"),
]


@pytest.mark.parametrize(("first", "second", "field"), TWICE, ids=[f"{row[2]}-{n}" for n, row in enumerate(TWICE)])
def test_the_same_number_in_another_spelling_is_refused_with_its_holder(book, first, second, field):
    register(book, first)
    with pytest.raises(Refused) as refused:
        register(book, second)

    assert refused.value.reason == "DOUBLE_PLEDGE"
    assert refused.value.facts["field"] == field
    assert refused.value.facts["other_asset"] == f"assets/{first.asset_id}"
    assert refused.value.facts["holder"] == f"assets/{first.asset_id}"
    assert refused.value.facts["match"] == "SAME"
    assert findings(book) == []


def test_an_identical_reference_is_refused_as_existing(book):
    register(book, machine("m-1", "HX-1001"))

    with pytest.raises(AlreadyExists):
        register(book, machine("m-2", "HX-1001"))


def test_consecutive_serial_numbers_alone_raise_no_suspicion(book):
    for number in range(1001, 1013):
        register(book, machine(f"m-{number}", f"HX-{number}", built=date(2018, 3, number - 1000)))

    assert findings(book) == []


def test_many_warrants_of_one_size_raise_no_suspicion(book):
    """Each is for 25 t: a value that all of them share is no evidence."""
    for number in range(AGREEING_LIMIT + 8):
        register(book, lot(f"w-{number}", "25", receipt_number=f"LD-{44_000 + number * 111}"))
    before = len(findings(book))
    register(book, lot("w-last", "25", receipt_number="LD-44001"))

    assert len(findings(book)) == before


@pytest.mark.parametrize("serial", ["HX-1002", "HX-101", "HX-10011", "HX-1010", "HY-1001"])
def test_one_edit_with_the_same_model_and_build_date_is_a_suspicion_at_both_lenders(book, serial):
    register(book, machine("m-1", "HX-1001"))
    lend_on(book, "bank-1")
    pledge(book, "bank-1", "m-1")
    register(book, machine("m-2", serial, owner="Other"))
    found = findings(book)

    assert {row.finding.kind for row in found} == {FindingKind.SUSPECTED_DOUBLE_PLEDGE}
    assert sorted(row.asset_id for row in found) == ["m-1", "m-2"]
    evidence = next(row for row in found if row.asset_id == "m-2").finding.evidence
    assert (evidence["field"], evidence["value"], evidence["other_value"]) == ("serial_number", serial, "HX-1001")
    assert (evidence["match"], evidence["agreeing"]) == ("ONE_EDIT", "qt200|2018-03-01")
    assert (evidence["owner"], evidence["other_owner"]) == ("Other", "Acme")
    assert loans_with_event(book, EventKind.FINDING_OPENED) == ["bank-1"]


def test_a_lot_of_the_same_size_in_the_same_bin_is_a_suspicion(book):
    register(book, lot("l-1", "86.3", lot="A-17", bin="R4-02"))
    register(book, lot("l-2", "86.3", lot="C-90", bin="r4 02", owner="Other"))
    register(book, lot("l-3", "12", lot="D-11", bin="R4-02"))

    assert sorted(row.asset_id for row in findings(book)) == ["l-1", "l-2"]
    assert findings(book)[0].finding.evidence["field"] == "bin"


@pytest.mark.parametrize("fields", [{"quantity": "99"}, {"quantity": "100000", "unit": "kg"}])
def test_one_lot_number_in_another_spelling_with_another_quantity_is_a_suspicion_at_both(book, fields):
    register(book, lot("l-1", "100", lot="A-17"))
    register(book, lot("l-2", lot="A 17", owner="Other", **fields))
    found = findings(book)

    assert {row.finding.kind for row in found} == {FindingKind.SUSPECTED_DOUBLE_PLEDGE}
    assert sorted(row.asset_id for row in found) == ["l-1", "l-2"]
    assert (found[0].finding.evidence["match"], found[0].finding.evidence["agreeing"]) == ("SAME", "aluminium")


def test_the_number_of_an_empty_lot_or_of_another_good_raises_no_suspicion(book):
    register(book, lot("l-1", "100", lot="A-17"))
    register(book, lot("l-2", "0", lot="A 17", owner="Other"))
    copper = lot("l-3", "100", lot="a17", owner="Third")
    register(book, replace(copper, detail=replace(copper.detail, good="copper")))

    assert findings(book) == []


def test_a_copy_of_a_lot_with_its_currently_reported_quantity_is_refused(book):
    register(book, lot("l-1", "100", lot="A-17"))
    push(book, 1, ("RECEIPT", "A-17", 100))
    push(book, 2, ("ISSUE", "A-17", 10))
    sync_stock(book)

    with pytest.raises(Refused) as refused:
        register(book, lot("l-2", "90", lot="A 17", owner="Other"))

    assert refused.value.reason == "DOUBLE_PLEDGE"
    assert refused.value.facts["agreeing"] == "aluminium|90|t"


def test_a_copy_of_a_receipt_is_still_a_suspicion_after_some_of_the_goods_have_left(book):
    register(book, lot("l-1", "100", lot="A-17", receipt_number="WR-2022-0071"))
    push(book, 1, ("RECEIPT", "A-17", 100), ("RECEIPT", "C-90", 200))
    push(book, 2, ("ISSUE", "A-17", 10))
    sync_stock(book)
    register(book, lot("l-2", "100", lot="C-90", owner="Other", receipt_number="WR-2022-0072"))

    assert {row.finding.evidence["field"] for row in findings(book)} == {"receipt_number"}


def test_lots_that_have_left_one_bin_raise_no_suspicion(book):
    register(book, lot("l-1", "100", lot="A-17", bin="R4-02"))
    register(book, lot("l-2", "50", lot="C-90", bin="R4-02"))
    push(book, 1, ("RECEIPT", "A-17", 100), ("RECEIPT", "C-90", 50))
    push(book, 2, ("ISSUE", "A-17", 100), ("ISSUE", "C-90", 50))
    sync_stock(book)

    assert do(book, check_whole_book).suspicions == 0


def test_changing_a_number_to_that_of_another_asset_is_refused_and_other_changes_are_not(book):
    register(book, machine("m-1", "HX-1001"))
    register(book, machine("m-2", "KL-2222"))

    def with_serial(number):
        def changed(asset):
            return replace(asset, detail=replace(asset.detail, serial_number=number))

        return lambda write: asset_commands.change(write, "m-2", "", changed)

    with pytest.raises(Refused):
        do(book, with_serial("hx1001"))
    assert do(book, with_serial("KL-3333")).asset.detail.serial_number == "KL-3333"


def test_a_retired_asset_frees_its_number(book):
    register(book, machine("m-1", "HX-1001"))
    do(book, lambda write: asset_commands.retire(write, "m-1", ""))

    assert register(book, machine("m-2", "hx1001")).asset.asset_id == "m-2"


def test_a_registration_that_secures_another_borrowers_loan_is_refused(book):
    """One registration may cover several assets of one borrower, but not of two."""
    for name, serial in (("m-1", "AA-11"), ("m-2", "BB-22"), ("m-3", "CC-33")):
        register(book, machine(name, serial))
    lend_on(book, "bank-1", borrower="Acme")
    lend_on(book, "bank-2", borrower="Other")
    notice = {"registry": "national notice registry", "registration_number": "2021-001"}
    pledge(book, "bank-1", "m-1", **notice)
    pledge(book, "bank-1", "m-2", "p-2", **notice)
    with pytest.raises(Refused) as refused:
        pledge(book, "bank-2", "m-3", registry="National Notice Registry", registration_number="2021001")

    assert refused.value.reason == "DOUBLE_PLEDGE"
    assert refused.value.facts["holder"] == "loans/bank-1"
    pledge(book, "bank-2", "m-3", registry="another registry", registration_number="2021-001")


def past_the_checks(book, *found):
    """Stores assets without checking their numbers."""
    for asset in found:
        do(book, lambda write, asset=asset: insert_asset(write, asset))


def test_the_check_of_the_book_finds_duplicates_registered_before_checks_existed(book):
    past_the_checks(
        book,
        machine("m-1", "HX-1001"),
        machine("m-2", "hx1001", owner="Other"),
        machine("m-3", "ZZ-9001", built=date(2019, 1, 1)),
        machine("m-4", "ZZ-9010", built=date(2019, 1, 1)),
        machine("m-5", "ZZ-9011", built=date(2020, 1, 1)),
    )
    first = do(book, check_whole_book)
    second = do(book, check_whole_book)
    kinds = {row.asset_id: row.finding.kind for row in findings(book)}

    assert (first.strong, first.suspicions, first.opened) == (1, 1, 4)
    assert (second.strong, second.suspicions, second.opened) == (1, 1, 0)
    assert kinds == {
        "m-1": FindingKind.DOUBLE_PLEDGE,
        "m-2": FindingKind.DOUBLE_PLEDGE,
        "m-3": FindingKind.SUSPECTED_DOUBLE_PLEDGE,
        "m-4": FindingKind.SUSPECTED_DOUBLE_PLEDGE,
    }


def test_a_dismissed_finding_is_not_opened_again(book):
    past_the_checks(book, machine("m-1", "HX-1001"), machine("m-2", "hx1001", owner="Other"))
    do(book, check_whole_book)
    for row in findings(book):
        do(book, lambda write, row=row: resolve_finding(write, row.key, "seen both plates"))
    again = do(book, check_whole_book)

    assert again.opened == 0
    assert {row.state for row in findings(book)} == {FindingState.RESOLVED}


def test_a_confirmed_double_pledge_is_worth_nothing(book):
    past_the_checks(book, machine("m-1", "HX-1001"), machine("m-2", "hx1001", owner="Other"))
    lend_on(book, "bank-1")
    pledge(book, "bank-1", "m-2")
    owe(book, "bank-1", 10_000)
    do(book, check_whole_book)
    worth = cover(book, "bank-1")["market_minor"]
    key = next(row.key for row in findings(book) if row.asset_id == "m-2")
    do(book, lambda write: confirm_double_pledge(write, key, "the plate was ground off"))

    assert worth > 0
    assert cover(book, "bank-1")["market_minor"] == 0
    assert next(row for row in findings(book) if row.key == key).note == "confirmed: the plate was ground off"
    with pytest.raises(Refused):
        do(book, lambda write: confirm_double_pledge(write, key, "again"))


def test_every_lookup_of_a_number_uses_all_columns_of_an_index(sqlite_url):
    """Among a million numbers, one is compared only with those that share a normalised form or a half with it."""
    database = opened(sqlite_url)
    executed = recorded_statements(database, "FROM identity")
    (number,) = identities_of(machine("m-1", "HX-1001"))
    with database.read() as connection:
        similar_identities(connection, number, 0)
    plans = plans_of(database, executed)
    database.close()
    reached = {part for plan in plans for part in re.findall(r"identity_\w+ \([^)]*\)", plan)}

    assert reached >= {
        "identity_skeleton (kind=? AND scope=? AND skeleton=?)",
        "identity_grouped (kind=? AND scope=? AND grouped=?)",
        "identity_head (kind=? AND scope=? AND agreement=? AND head=?)",
        "identity_tail (kind=? AND scope=? AND agreement=? AND tail=?)",
    }
    assert not any(part.endswith("(kind=? AND scope=?)") for part in reached)


def test_names_of_full_length_on_both_sides_fit_into_a_finding(book):
    name = "0123456789abcdef" * 4
    for number in (1, 2):
        register(book, machine(f"m{number}{name}"[:63], f"HX-100{number}", owner=f"owner {number}"))
        lend_on(book, f"b{number}{name}"[:63])
        pledge(book, f"b{number}{name}"[:63], f"m{number}{name}"[:63])

    assert len({row.finding.fingerprint for row in findings(book)}) == len(findings(book)) > 1
