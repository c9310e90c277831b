"""Two books in schemas of one PostgreSQL database do not wait for each other, wake each other or see each other."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
from sqlalchemy import select

from collateral_registry.clock import wall_clock
from collateral_registry.commands.book.business_date import open_book
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.arrow import ArrowDatabase
from collateral_registry.store.engine.commit_listener import listen
from collateral_registry.store.engine.connections import libpq_url
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.storage.own_schema import check_own_schema
from tests.support.lenders import ALPHA, BETA, lender_urls
from tests.support.postgres import Cluster, wait_until

pytestmark = pytest.mark.slow

SHARD = "feed/acme"


@pytest.fixture(scope="module")
def urls(cluster: Cluster, prepared_database: str) -> Iterator[dict[str, str]]:
    found = lender_urls("schemas", prepared_database, cluster)
    yield found
    cluster.drop_database(found[ALPHA].partition("?")[0])


@pytest.fixture
def books(urls) -> Iterator[list[Database]]:
    """The opened books of two lenders."""
    found = [Database(urls[lender], wall_clock) for lender in (ALPHA, BETA)]
    for number, database in enumerate(found):
        migrate(database)
        open_book(database, 18_992 + number)
    yield found
    for database in found:
        database.close()


def test_a_change_and_a_lock_of_one_book_do_not_hold_up_the_other(books):
    one, other = books
    with one.write("Change", SERVICE), other.write("Change", SERVICE) as write:
        write.commit()
    with one.intake([SHARD]), other.intake([SHARD]) as intake:
        intake.commit()
    with one.alone("revaluation") as first, other.alone("revaluation") as second, one.alone("revaluation") as again:
        found = (first, second, again)

    assert found == (True, True, False)


def test_a_commit_wakes_the_servers_of_its_own_book_only(books):
    stop, woken = Event(), []
    for number, book in enumerate(books):
        work = (libpq_url(book.url), lambda number=number: woken.append(number), stop)
        Thread(target=listen, args=work, daemon=True).start()

    def changed() -> bool:
        with books[1].write("Change", SERVICE) as write:
            write.commit()
        return bool(woken)

    wait_until(changed, 20)
    stop.set()

    assert set(woken) == {1}


def test_workers_read_columns_and_lock_shards_in_their_schema(books):
    statement = select(CommitRow.market_day).where(CommitRow.kind == "OpenBook")
    found = []
    for book in books:
        arrow = ArrowDatabase(book.url)
        other = books[1] if book is books[0] else books[0]
        with other.intake([SHARD]), arrow.intake([SHARD]) as own:
            found += own.connection.columns(statement, {})["market_day"].tolist()
        arrow.close()

    assert found == [18_992, 18_993]


@pytest.mark.parametrize("path", ["alpha%2Cbeta", "absent"])
def test_a_search_path_must_have_one_existing_schema(urls, path):
    database = Database(urls[ALPHA].replace("search_path%3Dalpha", f"search_path%3D{path}"), wall_clock)
    with pytest.raises(Refused) as refused:
        check_own_schema(database)
    database.close()

    assert refused.value.reason == "SHARED_SCHEMA"
