"""Two processes change one database at once; no release uncovers a loan, and the last share is pledged once."""

import subprocess
import sys

import pytest
from sqlalchemy import inspect, select

from collateral_registry.store.engine.bulk import read_columns
from collateral_registry.store.schema.loans import LoanJudgementRow
from tests.support.server import repository
from tests.support.small_book import cover, lend_on, lot, opened, owe, pledge, register

pytestmark = pytest.mark.slow


def raced(url, *actions):
    """Runs each action in its own process, started together; returns their outcomes."""
    command = [sys.executable, "-m", "tests.support.racing", url]
    racers = [
        subprocess.Popen([*command, action], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository())
        for action in actions
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [racer.communicate(timeout=60)[0].strip() for racer in racers]


@pytest.fixture
def race_book(database_url):
    """A book with 490,000 owed on 100 t at 10,000: after a fall to 7,500 six tonnes may leave, but not thirty."""
    database = opened(database_url)
    register(database, lot("lot-a"))
    lend_on(database, "bank-0")
    pledge(database, "bank-0", "lot-a")
    owe(database, "bank-0", 490_000)
    yield database
    database.close()


@pytest.mark.parametrize("leave", ["release 300000", "pickup 30"])
def test_goods_that_leave_during_a_price_fall_are_judged_on_the_price_of_their_commit(race_book, database_url, leave):
    """In either order, the price in force decides on the release; only the price causes a later breach."""
    left, fell = raced(database_url, leave, "fall 7500")
    now = cover(race_book, "bank-0")

    assert fell == "done"
    gone = {"done": 0.3}.get(left, 0.0)
    assert now["market_minor"] == round((1 - gone) * 750_000_00)
    assert left in {"done", "RELEASE_UNCOVERED", "PICKUP_REFUSED"}
    if left == "done":
        first = first_cover_after(race_book, 700_000_00)
        assert first["exposure_minor"] * 100 <= 70 * first["market_minor"]


def first_cover_after(database, market_minor):
    """Returns the judgement after the goods left, at the price before its fall."""
    with database.read() as connection:
        rows = read_columns(connection, select(*inspect(LoanJudgementRow).columns).order_by(LoanJudgementRow.seq))
    found = [
        {name: column[at] for name, column in rows.items()}
        for at in range(len(rows["seq"]))
        if rows["market_minor"][at] == market_minor
    ]
    assert found, "the goods left on a judgement of the higher price"
    return found[0]


def test_of_two_pledges_of_the_last_free_share_exactly_one_is_accepted(database_url):
    database = opened(database_url)
    register(database, lot("lot-a"))
    for number in range(2):
        lend_on(database, f"bank-{number}")
    found = raced(database_url, "pledge bank-0", "pledge bank-1")
    database.close()

    assert sorted(found) == ["ASSET_OVER_PLEDGED", "done"]


def test_of_two_requests_for_the_same_free_goods_one_is_refused(race_book, database_url):
    found = raced(database_url, "pickup 20", "release 200000")

    assert found.count("done") == 1
    now = cover(race_book, "bank-0")
    assert now["exposure_minor"] * 100 <= 70 * now["market_minor"]
