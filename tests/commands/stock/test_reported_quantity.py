"""The quantity of a lot that a feed reports is the feed's: a stated quantity does not replace it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from collateral_registry.commands.assets.register import change
from collateral_registry.domain.shared.errors import Refused
from tests.support.books import do
from tests.support.counting import push, quantity
from tests.support.small_book import lot, register


def update(database, **fields):
    """Changes fields of the lot of asset a."""
    return do(database, lambda write: change(write, "a", "", lambda asset: _with(asset, fields)))


def _with(asset, fields):
    return replace(asset, detail=replace(asset.detail, **fields))


def test_a_quantity_stated_at_registration_gives_way_to_the_reported_one_at_once(book):
    push(book, 1, ("RECEIPT", "a", 60, 3))
    register(book, lot("a", "500"))

    assert quantity(book, "a") == 60


def test_a_quantity_of_a_reported_lot_cannot_be_changed(book):
    register(book, lot("a", "500"))
    push(book, 1, ("RECEIPT", "a", 60, 3))

    with pytest.raises(Refused, match="a feed reports 60 t for lot a in warehouse Qingdao Dagang") as refused:
        update(book, quantity=Decimal(500))
    assert refused.value.reason == "QUANTITY_REPORTED"
    assert quantity(book, "a") == 60


@pytest.mark.parametrize("stated", ["61", "60.000001", "0"])
def test_no_other_quantity_is_accepted_before_the_reported_one_is_applied(book, stated):
    register(book, lot("a", "500"))
    push(book, 1, ("RECEIPT", "a", 60, 3))

    with pytest.raises(Refused, match="got"):
        update(book, quantity=Decimal(stated))


def test_another_unit_keeps_the_reported_quantity(book):
    push(book, 1, ("RECEIPT", "a", 60, 3))
    register(book, lot("a"))
    update(book, unit="kg")

    assert quantity(book, "a") == 60_000


def test_a_quantity_that_no_feed_reports_can_be_changed(book):
    register(book, lot("a", "500"))
    update(book, quantity=Decimal(450))

    assert quantity(book, "a") == 450


def test_a_synced_quantity_is_stored_without_an_exponent(book):
    register(book, lot("a", "500"))
    push(book, 1, ("RECEIPT", "a", 70, 3))

    assert str(quantity(book, "a")) == "70"
