"""Statements with list parameters return the same rows on both engines, as parameters and as literals."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import BigInteger, Text, literal, select

from collateral_registry.store.engine.arrow import ArrowDatabase
from collateral_registry.store.engine.bulk import insert_columns, read_columns
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, Greatest, KeyedSelect, RecordSet, is_one_of
from collateral_registry.store.schema.stock import PlaceClaimRow

AWKWARD = ["", "plain", 'quo"te', "apo'strophe", "back\\slash", "per%cent", "{brace, comma}", "süß 铜", "NULL"]
KEY = PlaceClaimRow.asset_key
BY_KEY = select(KEY, PlaceClaimRow.good).where(is_one_of(KEY, KEYS)).order_by(KEY)
BY_GOOD = select(KEY).where(is_one_of(PlaceClaimRow.good, TEXTS)).order_by(KEY)


@pytest.fixture
def database(database_url):
    database = Database(database_url, lambda: datetime(2022, 1, 3, tzinfo=UTC))
    with database.intake(["test"]) as intake:
        same = {"place": "w", "unit": "t", "quantity": 1, "stated": 2, "receipted": 0}
        keys = np.arange(1, len(AWKWARD) + 1)
        insert_columns(intake.connection, PlaceClaimRow, {"asset_key": keys, "good": AWKWARD, **same}, len(keys))
        intake.commit()
    yield database
    database.close()


@pytest.fixture(params=["parameters", "literals"])
def source(request, database, database_url):
    """A snapshot that passes lists as parameters, and one that writes them as literals."""
    if request.param == "parameters":
        with database.read() as connection:
            yield connection
        return
    arrow = ArrowDatabase(database_url)
    with arrow.read() as connection:
        yield connection
    arrow.close()


@pytest.mark.parametrize("keys", [[], [3], [9, 2, 2, 40], np.array([1, 2, 3])])
def test_integer_keys_find_their_rows(source, keys):
    rows = read_columns(source, BY_KEY, {"keys": keys})

    assert rows["asset_key"].tolist() == sorted({*map(int, keys)} & {*range(1, len(AWKWARD) + 1)})
    assert rows["good"].tolist() == [AWKWARD[key - 1] for key in rows["asset_key"]]


def test_texts_keep_every_character(source):
    assert read_columns(source, BY_GOOD, {"texts": AWKWARD})["asset_key"].tolist() == [*range(1, len(AWKWARD) + 1)]
    for key, text in enumerate(AWKWARD, 1):
        assert read_columns(source, BY_GOOD, {"texts": [text]})["asset_key"].tolist() == [key]


def test_a_list_and_the_ends_of_consecutive_keys_find_the_same_rows(source):
    rows = KeyedSelect(select(KEY).order_by(KEY), KEY)
    by_range, by_list = (read_columns(source, *rows.of(np.array(keys))) for keys in ([2, 3, 4], [4, 2, 3]))

    assert by_range["asset_key"].tolist() == by_list["asset_key"].tolist() == [2, 3, 4]
    assert rows.of(np.array([2, 3, 4]))[1].keys() == {"first_key", "last_key"}
    assert rows.of(np.array([2, 4]))[1].keys() == {"keys"}


def test_records_become_typed_columns(source):
    records = RecordSet({"good": Text, "asset_key": BigInteger}).rows
    both = (PlaceClaimRow.good == records.c.good) & (records.c.asset_key == KEY)
    statement = select(KEY).join_from(records, PlaceClaimRow, both).order_by(KEY)
    pairs = [*zip(AWKWARD, range(1, len(AWKWARD) + 1), strict=True), ("plain", 1)]

    assert read_columns(source, statement, {"records": pairs})["asset_key"].tolist() == [*range(1, len(AWKWARD) + 1)]


def test_the_greatest_of_two_is_taken_row_by_row(database):
    key = KEYS.rows.c.value
    with database.read() as connection:
        found = connection.execute(select(Greatest(key, literal(5))).order_by(key), {"keys": [9, 1, 5, 7]}).scalars()

        assert found.all() == [5, 5, 7, 9]


def test_keys_are_looked_up_in_the_index(sqlite_url):
    database = Database(sqlite_url, lambda: None)
    with database.read() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {BY_KEY.compile(connection)}", ("[1]",)).all())
    database.close()

    assert "SEARCH place_claim USING INTEGER PRIMARY KEY (rowid=?)" in plan
