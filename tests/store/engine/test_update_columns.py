"""Bulk updates of columns store the same values on both engines, to the last bit."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import select

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.bulk import ColumnUpdate, insert_columns
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.stock import PlaceClaimRow, WarehouseReliabilityRow

AWKWARD = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2**53 + 1.0, -2.5, 123456789.12345679]
NOT_RECEIPTED = PlaceClaimRow.receipted == 0
NAMES = [f"W-{number}" for number in range(len(AWKWARD))]


@pytest.fixture
def connection(database_url):
    database = Database(database_url, lambda: None)
    migrate(database)
    with database.engine.begin() as connection:
        yield connection
    database.close()


def test_numbers_come_back_to_the_last_bit(connection):
    keys = np.arange(len(AWKWARD))
    zeros = dict.fromkeys(("late_share", "mean_lateness_seconds", "score", "haircut", "shrinkage_rate"), 0.0)
    insert_columns(
        connection, WarehouseReliabilityRow, {"warehouse": NAMES, "seq": keys, "count_lines": 0, **zeros}, len(keys)
    )
    ColumnUpdate(WarehouseReliabilityRow, "seq", ("score",)).run(connection, keys.tolist(), AWKWARD)
    found = connection.execute(select(WarehouseReliabilityRow.score).order_by(WarehouseReliabilityRow.seq)).scalars()

    assert [value.hex() for value in found] == [value.hex() for value in AWKWARD]


def test_a_full_disk_raises_store_unavailable(sqlite_url):
    database = Database(sqlite_url, lambda: datetime(2022, 1, 3, tzinfo=UTC))
    with database.intake(["test"]) as intake:
        columns = {"place": "a", "good": "x", "unit": "t", "quantity": 1, "stated": 2, "receipted": 0}
        insert_columns(intake.connection, PlaceClaimRow, {"asset_key": [1], **columns}, 1)
        pages = intake.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        intake.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        intake.commit()
    with pytest.raises(StoreUnavailable, match="full"), database.intake(["test"]) as intake:
        ColumnUpdate(PlaceClaimRow, "asset_key", ("place",)).run(intake.connection, [1], ["x" * 5_000_000])
    with pytest.raises(StoreUnavailable, match="full"), database.intake(["test"]) as intake:
        insert_columns(intake.connection, PlaceClaimRow, {"asset_key": [2], **columns, "place": ["x" * 5_000_000]}, 1)
    database.close()


def test_only_rows_with_the_keys_that_meet_the_condition_change(connection):
    columns = {"place": ["a", "b", "c"], "good": "x", "unit": "t", "quantity": 1, "stated": 2, "receipted": [0, 1, 0]}
    insert_columns(connection, PlaceClaimRow, {"asset_key": [1, 2, 3], **columns}, 3)
    quantity_and_good = ColumnUpdate(PlaceClaimRow, "asset_key", ("quantity", "good"), NOT_RECEIPTED)
    quantity_and_good.run(connection, [1, 2], [10**18, 7], ["süß \"'\\", "y"])
    rows = connection.execute(
        select(PlaceClaimRow.quantity, PlaceClaimRow.good).order_by(PlaceClaimRow.asset_key)
    ).all()

    assert [tuple(row) for row in rows] == [(10**18, "süß \"'\\"), (1, "x"), (1, "x")]
