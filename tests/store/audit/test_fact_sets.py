"""Every column of the database is a fact of the audit log or listed with the reason why it is not."""

from collections import Counter
from pathlib import Path

from sqlmodel import SQLModel

from collateral_registry.store.audit.fact_sets import FACT_SETS, FEED_SETS, OMITTED, OMITTED_TABLES

SETS = [*FACT_SETS, *(part for feeds in FEED_SETS for part in (feeds.batches, feeds.items))]


def test_every_column_is_in_exactly_one_list():
    counted = Counter()
    first = {one.row for one in SETS if not one.stage}
    for one in SETS:
        named = {*one.stage, one.seq} if one.stage and one.row in first else set(one.names)
        counted.update((one.table.name, name) for name in named)
    for row, reasons in OMITTED.items():
        counted.update((row.__tablename__, name) for names in reasons.values() for name in names.split())
    for row in OMITTED_TABLES:
        table = SQLModel.metadata.tables[str(row.__tablename__)]
        counted.update((table.name, column.name) for column in table.columns)
    columns = {(table.name, column.name) for table in SQLModel.metadata.tables.values() for column in table.columns}

    assert {place: count for place, count in counted.items() if count != 1} == {}
    assert counted.keys() == columns


def test_the_columns_of_sets_are_those_that_entries_were_made_with():
    """A changed set would contradict the digests of older entries; a new column needs a set of a new name."""
    listed = "".join(f"{one.name}: {' '.join(one.names)}\n" for one in sorted(SETS, key=lambda one: one.name))

    assert listed == Path(__file__).with_name("fact_sets.txt").read_text(encoding="utf-8")
