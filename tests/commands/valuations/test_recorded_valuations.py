"""A page of recorded valuations reads each record to which they refer once."""

from collateral_registry.commands.valuations.recorded_valuations import recorded_valuations
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.domain.filters.expressions import EVERYTHING
from tests.support.books import do
from tests.support.small_book import lot, quote, recorded_statements, register

NEWEST = (2**62, "")


def page(book, limit):
    """Returns a page of the valuations of the lot, and the number of statements that it takes."""
    executed = recorded_statements(book, "SELECT")
    with book.read() as connection:
        found = recorded_valuations(connection, "a", EVERYTHING, NEWEST, limit)
    return found, len(executed)


def test_a_long_page_takes_no_more_statements_than_a_short_one(book):
    register(book, lot("a"))
    for price in ("10100", "10200", "10300", "10400"):
        quote(book, price)
    do(book, lambda write: revalue(write, ["a"]))

    page(book, 1)  # the first page also compiles
    (one,), few = page(book, 1)
    several, many = page(book, 6)

    assert many == few
    assert len(several) == 6
    assert several[0] == one
    assert [valued.asset.asset_id for valued in several] == ["a"] * 6
