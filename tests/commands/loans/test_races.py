"""Two processes at once on one database: never an uncovered loan by a release, never the last share twice."""

import subprocess
import sys

import pytest

from tests.support.server import repository
from tests.support.small_book import cover, lend_on, lot, opened, owe, pledge, register


def raced(url, *deeds):
    """What became of each deed when its process was let go at the same moment as the other's."""
    command = [sys.executable, "-m", "tests.support.racing", url]
    racers = [
        subprocess.Popen([*command, deed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository())
        for deed in deeds
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
    """490,000 owed on 100 t at 10,000: a fall to 7,500 leaves room for six tonnes, not for thirty."""
    database = opened(database_url)
    register(database, lot("lot-a"))
    lend_on(database, "bank-0")
    pledge(database, "bank-0", "lot-a")
    owe(database, "bank-0", 490_000)
    yield database
    database.close()


@pytest.mark.parametrize("leave", ["release 300000", "pickup 30"])
def test_goods_that_leave_race_a_falling_price_and_are_judged_on_what_is_true_when_they_do(
    race_book, database_url, leave
):
    """Whoever comes first: leave is given only on the price that holds then; a breach after it is the price's doing."""
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
    """The judgement that recorded what was left when the goods went: on the price before its fall."""
    from sqlalchemy import select

    from collateral_registry.store.engine.bulk import read_columns
    from collateral_registry.store.schema.loans import LoanJudgementRow

    with database.read() as connection:
        rows = read_columns(connection, select(*LoanJudgementRow.__table__.c).order_by(LoanJudgementRow.seq))  # type: ignore[attr-defined] # SQLModel gives every table one
    found = [
        {name: column[at] for name, column in rows.items()}
        for at in range(len(rows["seq"]))
        if rows["market_minor"][at] == market_minor
    ]
    assert found, "the goods left on a judgement of the higher price"
    return found[0]


def test_two_originators_pledge_the_last_free_share_and_exactly_one_wins(database_url):
    database = opened(database_url)
    register(database, lot("lot-a"))
    for number in range(2):
        lend_on(database, f"bank-{number}")
    found = raced(database_url, "pledge bank-0", "pledge bank-1")
    database.close()

    assert sorted(found) == ["ASSET_OVER_PLEDGED", "done"]


def test_two_requests_for_the_same_free_goods_are_not_both_allowed(race_book, database_url):
    found = raced(database_url, "pickup 20", "release 200000")

    assert found.count("done") == 1
    now = cover(race_book, "bank-0")
    assert now["exposure_minor"] * 100 <= 70 * now["market_minor"]
