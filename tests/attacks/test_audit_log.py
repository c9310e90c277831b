"""What a person with all rights on the database or an export does to facts and their audit log is found."""

import json
from base64 import b64decode, b64encode
from contextlib import closing

import pytest

from collateral_registry.commands.audit.checkpoints import make_checkpoint
from collateral_registry.domain.audit.entries import NO_HASH, link_hash
from collateral_registry.domain.audit.verification import verified
from collateral_registry.store.audit.export import lines_of
from collateral_registry.store.audit.fact_sets import FEED_SET_NAMED
from tests.attacks.audit_log import KEY, missed, verify
from tests.support.books import open_filled_book
from tests.support.small_book import lot, opened, push, register, stock, sync_stock

CHANGES = 60


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A SQLite book with prices, loans and a run, and a checkpoint of its log."""
    database = open_filled_book(f"sqlite:///{tmp_path_factory.mktemp('audit') / 'book.db'}")
    make_checkpoint(database, KEY, {})
    yield database
    database.close()


def exported(database):
    """Returns the verification of an export of a book."""
    with database.read() as connection:
        return verify(connection)


def faults_after(book, *statements):
    """Returns the faults after statements, which are undone."""
    with book.engine.connect() as connection, connection.begin() as transaction:
        for statement in statements:
            connection.exec_driver_sql(statement)
        found = [str(fault) for fault in verify(connection).faults]
        transaction.rollback()
    return found


def test_every_change_of_a_bit_is_found_at_its_place(book):
    assert missed(book, CHANGES, seed=1) == []


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        pytest.param(["DELETE FROM event WHERE event_seq = 2"], ": event: has 1 rows, want ", id="a removed row"),
        pytest.param(
            ["INSERT INTO price SELECT series_key, day - 1, seq, verdict, value, decimal_text FROM price LIMIT 1"],
            ": price: has ",
            id="an inserted row",
        ),
        pytest.param(
            ["UPDATE valuation SET lendable_minor = (SELECT sum(lendable_minor) FROM valuation AS other "
             "WHERE other.seq = valuation.seq AND other.of_run = 0) - lendable_minor WHERE of_run = 0"],
            ": valuation: ",
            id="values of two assets swapped",
        ),
        pytest.param(
            ["UPDATE pledge_revision SET seq = -seq",
             "UPDATE pledge_revision SET seq = (SELECT min(-seq) FROM pledge_revision)"],
            ": pledge_revision: has ",
            id="rows moved to another commit",
        ),
        pytest.param(
            ["UPDATE valuation SET lendable_minor = lendable_minor + 0.5"],
            ": lendable_minor: got '",
            id="a fraction in a column of integers",
        ),
        pytest.param(
            ["UPDATE price SET value = substr(value, 1, 1) || '_' || substr(value, 2)"],
            ": value: got '",
            id="a text in a column of numbers",
        ),
        pytest.param(
            ["DELETE FROM audit_entry WHERE seq = 3"], "commit 4: follows commit 2", id="a removed entry"
        ),
        pytest.param(
            ["DELETE FROM audit_entry WHERE seq < 3"],
            "commit 3: does not continue the beginning of the log",
            id="the beginning removed",
        ),
        pytest.param(
            ["DELETE FROM audit_entry WHERE seq > 5", "DELETE FROM commit_log WHERE seq > 5"],
            ": has ",
            id="the end removed",
        ),
        pytest.param(
            ["UPDATE audit_entry SET seq = -seq WHERE seq IN (4, 5)",
             "UPDATE audit_entry SET seq = 9 + seq WHERE seq < 0"],
            "commit 4: does not continue commit 3",
            id="entries in another order",
        ),
    ],
)  # fmt: skip
def test_what_is_removed_inserted_swapped_or_moved_is_found(book, statements, fault):
    assert any(fault in found for found in faults_after(book, *statements))


def test_an_end_that_is_removed_with_its_facts_contradicts_the_checkpoint(book):
    (last,) = [found for found in faults_after(book, "DELETE FROM audit_entry WHERE seq > 5") if "checkpoint" in found]

    assert " entries, of which the last " in last


def test_movements_are_not_verified_by_a_chain_that_was_added_to_the_export(tmp_path):
    with closing(opened(f"sqlite:///{tmp_path / 'book.db'}")) as database:
        register(database, lot("lot-1"))
        stock(database, 1, ("RECEIPT", "lot-1", 100))
        with database.read() as connection:
            lines = [json.loads(line) for line in lines_of(connection, "test")]
    items = FEED_SET_NAMED["stock_source"].items
    at = lines.index(["set", items.name]) + 1
    lines[at][1 + items.names.index("quantity")] *= 2
    (link,) = [one for one in lines if one[0] == "link"]
    forged = [b64decode(link[5]), items.shape.digest_of_rows([lines[at][1:]])]
    digests = [*forged, link_hash(NO_HASH, "stock_source/added", 1, *forged)]
    lines.insert(lines.index(link) + 1, [*link[:3], "added", 1, *(b64encode(one).decode() for one in digests)])
    lines[-1] = ["end", len(lines) - 1]

    faults = [str(fault) for fault in verified(map(json.dumps, lines), None).faults]
    assert "link 1 of stock_source/added: has the key of stock_source/dagang" in faults


def test_links_of_a_feed_that_no_commit_states_are_counted(tmp_path):
    with closing(opened(f"sqlite:///{tmp_path / 'book.db'}")) as database:
        register(database, lot("lot-1"))
        push(database, 1, ("RECEIPT", "lot-1", 100))
        sync_stock(database)
        before = exported(database)
        push(database, 2, ("RECEIPT", "lot-1", 5))
        after = exported(database)

    assert [found.pending_links for found in (before, after)] == [0, 1]
    assert [fault.place for found in (before, after) for fault in found.faults] == ["checkpoints"] * 2


def test_an_export_without_entries_has_a_fault():
    lines = ['["header",{"format":1,"sets":[],"feeds":[]}]', '["end",1]']

    assert [fault.place for fault in verified(lines, None).faults] == ["file"]


@pytest.mark.parametrize(
    "header",
    [
        '["header",{"format":1,"sets":[],"feeds":[["feed","batches","items"]]}]',
        '["header",{"format":1e999,"sets":[],"feeds":[]}]',
        '["header",{"format":1,"sets":[[]],"feeds":[]}]',
        "[" * 100_000,
    ],
)
def test_a_damaged_header_is_no_export(header):
    with pytest.raises(ValueError, match="got no export of an audit log"):
        verified([header], None)


def test_a_damaged_file_has_faults_and_stops_nothing(book):
    with book.read() as connection:
        lines = list(lines_of(connection, "test"))
    for line in range(1, len(lines), 101):
        for damaged in (lines[line][:-1], lines[line].replace("1", "0"), "[1]", '["row",[]]'):
            if damaged != lines[line]:
                assert verified([*lines[:line], damaged, *lines[line + 1 :]], KEY.public).faults, line
    assert verified(lines[:-1], KEY.public).faults
    assert verified([*lines, lines[5]], KEY.public).faults
