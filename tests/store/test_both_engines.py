"""The same changes give the same rows on SQLite and on PostgreSQL."""

import ast
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pkgutil import iter_modules

import numpy as np
import pytest
from sqlalchemy import select

from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import open_book
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store import schema
from collateral_registry.store.engine.arrow import ArrowDatabase
from collateral_registry.store.engine.bulk import read_columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate, newest_version, version_of
from collateral_registry.store.schema.loans import EventRow, LoanJudgementRow, PledgeClaimRow
from collateral_registry.store.schema.valuations import ValuationRow
from collateral_registry.store.valuations.repository import newest_values
from tests.support.books import CLOCK, FIRST, MACHINE, do, fill_book, open_empty_book


def recorded(database):
    """All valuations, judgements, claims and events, as plain rows."""
    tables = (ValuationRow, LoanJudgementRow, PledgeClaimRow, EventRow)
    with database.read() as connection:
        found = []
        for table in tables:
            keys = list(table.__table__.primary_key)
            columns = read_columns(connection, select(*table.__table__.c).order_by(*keys))
            found.append({name: column.tolist() for name, column in columns.items()})
    return found


@pytest.fixture
def book(filled_book):
    return filled_book


def loans_in(connection):
    """The rows of the report on every loan."""
    report = LtvReports().report(connection, moment_of(connection), order_by="loan")
    return plain_rows(report.snapshot, report.rows)


def test_both_engines_give_the_same_rows(tmp_path, cluster):
    found = []
    for url in (f"sqlite:///{tmp_path / 'book.db'}", cluster.new_database()):
        database = open_empty_book(url)
        fill_book(database)
        found.append(recorded(database))
        database.close()

    np.testing.assert_equal(found[0], found[1])
    assert len(found[0][3]["kind"]) > 3


def test_valuing_one_asset_and_revaluing_the_book_give_identical_rows(book):
    seq = run_book(book, Author("test", "test")).seq
    with book.read() as connection:
        whole = {
            valued.asset.asset_id: valued.row
            for valued in value_assets(connection, ["lot-1", "machine-1", "patent-1"], "")
        }
        alone = {name: value_assets(connection, [name], "")[0].row for name in whole}
        stored = read_columns(connection, select(*ValuationRow.__table__.c).where(ValuationRow.seq == seq))  # type: ignore[attr-defined] # SQLModel gives every table one
    for name, row in alone.items():
        np.testing.assert_equal(row, whole[name])
        at = stored["target_key"].tolist().index(row["target_key"])
        kept = {column: stored[column][at] for column in row if column not in {"seq", "good_seq"}}
        np.testing.assert_equal(kept, {column: row[column] for column in kept})


def test_revaluing_twice_changes_nothing_but_the_commit(book):
    with book.read() as connection:
        before = loans_in(connection)
    run_book(book, Author("test", "test"))
    with book.read() as connection:
        after = loans_in(connection)

    assert [{**row, "seq": 0} for row in after] == [{**row, "seq": 0} for row in before]


def test_claims_on_one_asset_never_exceed_its_lendable_value(book):
    rows = recorded(book)
    claims = dict(zip(zip(rows[2]["seq"], rows[2]["pledge_key"], strict=True), rows[2]["lendable_minor"], strict=True))
    newest = max(seq for seq, _ in claims)
    with book.read() as connection:
        lot = value_assets(connection, ["lot-1"], "EUR")[0].row["lendable_minor"]

    assert claims[newest, 1] + claims[newest, 2] <= lot


def test_a_write_without_commit_leaves_no_trace(book):
    with book.read() as connection:
        before = newest_commit(connection)
    with book.write("test", Author("test", "test")) as write:
        revalue(write, ["lot-1"])
    with book.read() as connection:
        assert newest_commit(connection) == before


def test_a_reader_keeps_its_snapshot_during_a_write(book):
    with book.read() as connection:
        before = newest_commit(connection)
        run_book(book, Author("test", "test"))
        assert newest_commit(connection) == before


def test_a_machine_with_an_index_has_the_same_value_alone_and_in_a_run(book):
    do(book, lambda write: open_series(write, PriceSeries("ppi", "index", "t", "EUR", max_age_days=400)))
    levels = [Quote(0, "ppi", FIRST - timedelta(days=700), Decimal(100)), Quote(1, "ppi", FIRST, Decimal(110))]
    for level in levels:
        do(book, lambda write, level=level: ingest_prices(write, [level]))
    named = replace(MACHINE.detail, serial_number="8", price_index="ppi", price_new_date=FIRST - timedelta(days=600))
    do(book, lambda write: register.register(write, replace(MACHINE, asset_id="machine-8", detail=named)))
    seq = run_book(book, Author("test", "test"), partition_assets=1).seq
    with book.read() as connection:
        carried, plain = (value_assets(connection, [name], "")[0].row for name in ("machine-8", "machine-1"))
        ran = newest_values(connection, np.array([carried["target_key"]], dtype=np.int64))

    assert carried["market_minor"] == pytest.approx(1.1 * plain["market_minor"], abs=1)
    assert (int(ran["good_seq"][0]), int(ran["good_market_minor"][0])) == (seq, carried["market_minor"])


def test_migrating_twice_changes_nothing(schemaless_url):
    database = Database(schemaless_url, lambda: CLOCK)

    assert migrate(database) == (None, newest_version())
    assert migrate(database) == (newest_version(), newest_version())
    assert version_of(database) == newest_version()
    database.close()


def test_the_newest_version_is_the_head_of_the_migrations():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert newest_version() == ScriptDirectory.from_config(config).get_current_head()


def test_the_migrations_import_every_module_of_the_schema():
    """A module that is not imported is left out of the comparison of the models with the migrations."""
    program = ast.parse((MIGRATIONS / "env.py").read_text(encoding="utf-8"))
    imports = [
        node for node in ast.walk(program) if isinstance(node, ast.ImportFrom) and node.module == schema.__name__
    ]
    imported = {alias.name for node in imports for alias in node.names}

    assert imported == {module.name for module in iter_modules(schema.__path__)} - {"columns", "feed_columns"}


def test_the_models_in_code_are_the_schema_of_the_migrations(schemaless_url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    database = Database(schemaless_url, lambda: CLOCK)
    migrate(database)
    with database.engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    database.close()

    assert difference == []


def test_time_never_runs_backwards_in_the_log(database_url):
    moments = iter([CLOCK, CLOCK - timedelta(hours=1), CLOCK])
    database = Database(database_url, lambda: next(moments))
    migrate(database)
    open_book(database, day_of(FIRST))
    with database.write("test", Author("test", "test")) as write:
        known = write.known_us

    assert known == int(CLOCK.timestamp() * 1e6)
    database.close()


def test_connecting_to_a_missing_database_through_adbc_raises_store_unavailable():
    with pytest.raises(StoreUnavailable, match="cannot be used now"):
        ArrowDatabase("postgresql+psycopg://postgres@127.0.0.1:1/none")


def test_reading_a_missing_database_raises_store_unavailable():
    database = Database("postgresql+psycopg://postgres@127.0.0.1:1/none", lambda: CLOCK)

    with pytest.raises(StoreUnavailable, match="cannot be used now"), database.read():
        pass
