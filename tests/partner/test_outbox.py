"""Outbox: items are durable, assigned to one batch, and deleted when acknowledged."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from collateral_partner import Backlog, Outbox, RejectedItem
from collateral_partner.outbox import pending_in
from tests.support.movements import movement, receipts
from tests.support.server import repository


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path):
    with Outbox(path, "acme") as opened:
        yield opened


def ids(batch):
    return list(batch.movement_ids)


def test_pending_items_persist_when_the_file_is_reopened(path):
    with Outbox(path, "acme") as outbox:
        outbox.add(receipts(3))
    with Outbox(path, "acme") as outbox:
        backlog = outbox.backlog()

    assert (backlog.items, backlog.batches) == (3, 0)
    assert backlog.oldest_us > 0


@pytest.mark.slow
def test_added_items_survive_a_killed_process(path):
    program = (
        "import os, pathlib, sys; from collateral_partner import Outbox; "
        "from tests.support.movements import receipts; "
        "Outbox(pathlib.Path(sys.argv[1]), 'acme').add(receipts(5)); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=repository(), check=False)
    with Outbox(path, "acme") as outbox:
        assert outbox.waiting() == [f"m-{number}" for number in range(1, 6)]


def test_an_empty_outbox_has_no_backlog(outbox):
    assert outbox.backlog() == Backlog(0, 0, 0)
    assert outbox.batches(0, 8, 0, 2) == []


def test_a_batch_keeps_its_content_permanently(path):
    with Outbox(path, "acme") as outbox:
        outbox.add(receipts(5))
        first = outbox.batches(0, 8, 0, 2)
        outbox.add(receipts(3, first=6))
    with Outbox(path, "acme") as outbox:
        again = outbox.batches(0, 3, 0, 4)
        later = outbox.batches(3, 8, 0, 4)

    assert [ids(batch) for batch in first] == [["m-1", "m-2"], ["m-3", "m-4"], ["m-5"]]
    assert [batch.SerializeToString() for batch in again] == [batch.SerializeToString() for batch in first]
    assert [(batch.sequence, ids(batch)) for batch in later] == [(4, ["m-6", "m-7", "m-8"])]


def test_two_processes_assign_each_item_once(path):
    with Outbox(path, "acme") as one, Outbox(path, "acme") as other:
        one.add(receipts(4))
        mine, theirs = one.batches(0, 8, 0, 2), other.batches(0, 8, 0, 2)

    assert mine == theirs


def test_sequences_continue_after_the_server_when_the_file_was_lost(outbox):
    outbox.add(receipts(2))

    assert [batch.sequence for batch in outbox.batches(0, 8, 41, 1)] == [42, 43]


def test_acknowledging_a_batch_deletes_it_and_earlier_ones(outbox):
    outbox.add(receipts(6))
    outbox.batches(0, 8, 0, 2)
    deleted = outbox.acknowledge(2, [])

    assert deleted == 4
    assert outbox.waiting() == ["m-5", "m-6"]
    assert outbox.last_acknowledged == 2


def test_a_pending_id_is_not_added_twice(outbox):
    assert outbox.add(receipts(3)) == 3
    assert outbox.add(receipts(4)) == 1
    assert outbox.backlog().items == 4


def test_a_pending_id_with_different_content_is_refused_and_nothing_added(outbox):
    outbox.add(receipts(1))
    with pytest.raises(ValueError, match="m-1 is already pending"):
        outbox.add([movement("m-2"), movement("m-1", quantity="2")])

    assert outbox.waiting() == ["m-1"]


def test_rejected_movements_stay_listed_until_booked_or_forgotten(outbox):
    outbox.add(receipts(2))
    outbox.batches(0, 8, 0, 2)
    first = RejectedItem("m-1", 1, "UNKNOWN_LOT", "lot: got L-1")
    second = RejectedItem("m-2", 1, "UNKNOWN_LOT", "lot: got L-1")
    outbox.acknowledge(1, [first, second])
    listed = outbox.rejected()
    outbox.add(receipts(1))
    outbox.batches(1, 8, 1, 2)
    outbox.acknowledge(2, [])
    booked = outbox.rejected()
    outbox.forget_rejected(["m-2"])

    assert listed == [first, second]
    assert booked == [second]
    assert outbox.rejected() == []


@pytest.mark.parametrize("is_booked", [True, False])
def test_a_rejected_movement_is_listed_until_its_correction_is_booked(outbox, is_booked):
    reused = RejectedItem("m-1", 1, "ID_REUSED", "movement_id: got 'm-1'")
    correction = RejectedItem("c-1", 2, "INSUFFICIENT_STOCK", "quantity: got 9")
    outbox.add(receipts(1))
    outbox.batches(0, 8, 0, 2)
    outbox.acknowledge(1, [reused])
    outbox.add([movement("c-1", "CORRECTION", "9", corrects="m-1"), movement("m-3")])
    outbox.batches(1, 8, 1, 2)
    outbox.acknowledge(2, [] if is_booked else [correction])

    assert outbox.rejected() == ([] if is_booked else [reused, correction])


def test_the_file_of_another_feed_is_refused(path):
    Outbox(path, "acme").close()
    with pytest.raises(ValueError, match="holds the stock of acme, want other"):
        Outbox(path, "other")


def test_a_file_that_is_not_an_outbox_is_refused(path):
    path.write_text("movement,kind\n" * 100)
    with pytest.raises(ValueError, match=r"outbox\.db cannot be used"):
        Outbox(path, "acme")


def test_the_last_acknowledged_batch_is_kept_as_it_was_sent(outbox):
    outbox.add(receipts(5))
    sent = outbox.batches(0, 8, 0, 2)
    outbox.acknowledge(2, [])

    assert outbox.last_acknowledged_batch() == sent[1]
    assert outbox.acknowledge(2, []) == 0
    assert outbox.last_acknowledged_batch() == sent[1]
    missing = outbox.acknowledged_after(1)
    assert (missing.batches, missing.items) == (1, 2)
    assert outbox.acknowledged_after(2).batches == 0


def test_renumbering_keeps_every_pending_item_in_order_and_forgets_the_book(outbox):
    outbox.add(receipts(5))
    outbox.batches(0, 8, 0, 2)
    outbox.acknowledge(1, [])
    outbox.destination = "10.0.0.5:50051"

    assert outbox.renumber() == 3
    assert outbox.waiting() == ["m-3", "m-4", "m-5"]
    assert (outbox.last_acknowledged, outbox.last_acknowledged_batch(), outbox.destination) == (0, None, "")
    assert [(one.sequence, ids(one)) for one in outbox.batches(0, 8, 7, 2)] == [(8, ["m-3", "m-4"]), (9, ["m-5"])]


def test_an_outbox_of_an_earlier_version_keeps_its_items(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE feed (source TEXT NOT NULL, last_sequence INTEGER NOT NULL)")
        connection.execute("INSERT INTO feed VALUES ('acme', 4)")
    with Outbox(path, "acme") as outbox:
        outbox.add(receipts(2))

        assert (outbox.last_acknowledged, outbox.last_acknowledged_batch()) == (4, None)
        assert [one.sequence for one in outbox.batches(4, 8, 4, 2)] == [5]


def test_pending_items_are_read_without_changing_the_file_also_while_it_is_open(path):
    with Outbox(path, "acme") as outbox:
        outbox.add(receipts(2))
        assert list(pending_in(path)) == ["m-1", "m-2"]
    before = path.read_bytes()

    assert pending_in(path) == {one.movement_id: one.content for one in receipts(2)}
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_batch_omits_empty_columns(outbox):
    outbox.add([movement("m-1"), movement("m-2", bin="B-7")])
    (batch,) = outbox.batches(0, 1, 0, 2)

    assert list(batch.bins) == ["", "B-7"]
    assert list(batch.quantities_millionths) == [1_000_000, 1_000_000]
    assert not batch.grades


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"movement_id": ""}, "movement_id"),
        ({"kind": "GIFT"}, "kind"),
        ({"happened": datetime.fromisoformat("2021-12-20T00:00:00")}, "happened"),
        ({"quantity": Decimal("0.0000001")}, "quantity"),
        ({"quantity": Decimal("1.00000000000000000000000000000000001")}, "quantity"),
        ({"quantity": Decimal("1e12")}, "quantity"),
        ({"quantity": Decimal("1e999999")}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
    ],
)
def test_a_movement_that_cannot_be_encoded_is_refused_by_field(change, field):
    with pytest.raises(ValueError, match=f"{field}: got"):
        replace(movement("m-1"), **change)
