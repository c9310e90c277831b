"""Rights registered before their technology life had a day count it from their registration, on both engines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from collateral_registry.commands.assets import change, register
from collateral_registry.domain.days import day_of
from collateral_registry.domain.right_values import life_of
from collateral_registry.store.assets import get_asset
from collateral_registry.store.migrate import MIGRATIONS, migrate
from tests.store.test_both_engines import FIRST, RIGHT, do, opened

RIGHT_WITH_LIFE = replace(RIGHT, detail=replace(RIGHT.detail, technology_life_years=Decimal(5)))
DAYS_LATER = 731


def as_it_was_before(database) -> None:
    """Takes the day away again, from the column and from the documents."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0009")
        for key, revision, document in connection.execute(
            text("SELECT asset_key, revision, document FROM asset_revision")
        ).all():
            old = json.loads(document)
            del old["detail"]["technology_life_date"]
            connection.execute(
                text("UPDATE asset_revision SET document = :text WHERE asset_key = :key AND revision = :revision"),
                {"text": json.dumps(old), "key": key, "revision": revision},
            )


def test_a_migrated_right_counts_its_technology_life_from_its_registration_and_keeps_that_day(schemaless_url):
    database = opened(schemaless_url)
    do(database, lambda write: register(write, RIGHT_WITH_LIFE))
    with database.write("test", "test", day_of(FIRST) + DAYS_LATER) as write:
        change(write, RIGHT.asset_id, "", lambda asset: replace(asset, display_name="a name"))
        write.commit()
    as_it_was_before(database)

    migrate(database)

    with database.read() as connection:
        right = get_asset(connection, RIGHT.asset_id).asset.detail
        column = connection.execute(text("SELECT technology_life_day FROM intellectual_property")).scalar_one()
    database.close()
    assert (right.technology_life_date, column) == (FIRST, day_of(FIRST))
    assert round(life_of(right, day_of(FIRST + timedelta(days=DAYS_LATER))), 6) == round(5 - DAYS_LATER / 365.25, 6)
