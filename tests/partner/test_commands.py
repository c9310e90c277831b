"""``collateral-partner``: a file is shown or pushed; an outbox that meets another book loses and doubles nothing."""

import hashlib
import json
import re
import shutil
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collateral_partner.main import app
from collateral_partner.outbox import Outbox
from tests.support.movements import movement, receipts
from tests.support.pushing import Push, receipt
from tests.support.server import Server, free_port

HEADER = "movement,kind,time,warehouse,lot,quantity,good,unit\n"
SAMPLE = Path(str(files("collateral_partner.sample")))
RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, in which the commands keep their outboxes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, server=None):
    return RUNNER.invoke(app, [*map(str, arguments), *(["--server", server.address] if server else [])])


def file_of(*ids, name="stock.csv"):
    """Writes a file of receipts of one tonne each."""
    rows = (f"{one},receipt,2021-12-20T00:00:00Z,W-1,L-1,1,copper,t\n" for one in ids)
    Path(name).write_text(HEADER + "".join(rows))
    return name


def booked(server, feed="acme"):
    """Returns the ids of the movements of a feed in the book of a server."""
    query = "SELECT movement_id FROM stock_movement JOIN stock_source USING (source_key) WHERE source_id = ?"
    with closing(sqlite3.connect(server.url.removeprefix("sqlite:///"))) as connection:
        return sorted(one for (one,) in connection.execute(query, (feed,)))


def pending(feed="acme"):
    with Outbox(Path(f".data/outbox-{feed}.db"), feed) as outbox:
        return outbox.waiting()


def acknowledged_before(feed, *batches):
    """Creates the outbox of a feed as it is after these batches of movements were acknowledged by some book."""
    Path(".data").mkdir(exist_ok=True)
    with Outbox(Path(f".data/outbox-{feed}.db"), feed) as outbox:
        for sequence, movements in enumerate(batches, start=1):
            outbox.add(movements)
            outbox.batches(sequence - 1, 1, 0, len(movements))
            outbox.acknowledge(sequence, [])


@pytest.mark.parametrize(("file", "toml"), [("movements.csv", "mapping.toml"), ("movements.zh.csv", "mapping.zh.toml")])
def test_the_samples_are_written_checked_and_booked(server, file, toml):
    assert run("sample", "samples").exit_code == 0
    arguments = ("push", f"samples/{file}", "--source", "acme", "--columns", f"samples/{toml}")
    check, push = run(*arguments, "--check"), run(*arguments, server=server)
    count = len((SAMPLE / file).read_bytes().splitlines()) - 1

    assert (check.exit_code, push.exit_code) == (0, 0), push.output
    assert f"check: {count} movements would be sent, 0 rows refused; nothing was sent" in check.stdout
    assert push.stdout == f"stock: {count} booked, 0 already known, 0 rejected\n"


def test_a_check_shows_movements_counts_and_refused_rows_and_stores_nothing(folder):
    Path("own.csv").write_text(
        "movement,kind,time,warehouse,lot,quantity,good,unit\n"
        "m-1,receipt,2024-05-02 08:15,W-1,L-1,1.5,copper,t\n"
        "m-2,receipt,2024-05-02 08:16,W-1,L-1,2,copper,t\n"
        "m-3,issue,2024-03-31 02:30,W-1,L-1,1,copper,t\n"
        "m-4,issue,2024-05-03,W-1,L-1,1,copper,t\n"
    )
    found = run("push", "own.csv", "--source", "acme", "--time-zone", "Europe/Berlin", "--check", "--rows", "1")
    rows = [line.split() for line in found.stdout.splitlines()]

    assert found.exit_code == 1
    assert "every movement: warehouse W-1, unit t, good copper" in found.stdout
    assert [row for row in rows if row and row[0] in {"m-1", "m-2", "ISSUE", "RECEIPT"}] == [
        ["m-1", "RECEIPT", "2024-05-02T06:15:00Z", "L-1", "1.5"],
        ["ISSUE", "copper", "t", "1", "1"],
        ["RECEIPT", "copper", "t", "2", "3.5"],
    ]
    assert "the first 1 of 3 movements; --rows 0 shows all" in found.stdout
    assert "own.csv:4: time: got '2024-03-31 02:30', want a time that exists in Europe/Berlin" in found.stderr
    assert [path.name for path in folder.iterdir()] == ["own.csv"]


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_a_check_fits_the_terminal_and_cuts_no_figure_or_time(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    file, toml = SAMPLE / "movements.csv", SAMPLE / "mapping.toml"
    found = run("push", file, "--source", "acme", "--columns", toml, "--check")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", found.stdout).splitlines()
    row = next(line.split() for line in lines if line.startswith("SP-3001"))

    assert found.exit_code == 0
    assert row[:7] == ["SP-3001", "1", "SPLIT", "2024-05-07T07:30:00Z", "CU-24-017", "100", "t"]
    assert [len(line) for line in lines if len(line) > width and "check:" not in line and "left out" not in line] == []
    if width > 100:
        assert row[7:] == ["copper", "CU-24-019"]
    else:
        assert any(line.startswith("left out because the terminal is narrow:") for line in lines)


def test_a_check_leaves_an_outbox_as_it_is_and_states_its_pending_movements(folder):
    acknowledged_before("acme", receipts(2))
    with Outbox(Path(".data/outbox-acme.db"), "acme") as outbox:
        outbox.add([movement("m-7")])
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in (folder / ".data").iterdir()}
    alike = run("push", file_of("m-7", "m-8"), "--source", "acme", "--check")
    file_of("m-7", "m-8")
    Path("stock.csv").write_text(Path("stock.csv").read_text().replace("m-7,receipt", "m-7,issue"))
    other = run("push", "stock.csv", "--source", "acme", "--check")

    assert alike.exit_code == 0
    assert "1 movements are pending in the outbox from earlier pushes and would be sent first" in alike.stdout
    assert other.exit_code == 1
    assert "check: 1 movements would be sent, 1 rows refused" in other.stdout
    assert "stock.csv:2: movement: got 'm-7', which is pending with other content, want the row" in other.stderr
    assert {path.name: hashlib.sha256(path.read_bytes()).digest() for path in (folder / ".data").iterdir()} == before


@pytest.mark.parametrize("address", ["", "127.0.0.1", ":50051", "http://127.0.0.1:50051", "host:port"])
def test_an_address_without_host_or_port_stores_nothing(address):
    found = RUNNER.invoke(app, ["push", file_of("m-1"), "--source", "acme", "--server", address])

    assert found.exit_code == 2
    assert f"got {address!r}, want host:port such as 127.0.0.1:50051" in found.stderr
    assert not Path(".data").exists()


def test_a_row_changed_while_it_is_pending_is_refused_and_all_others_are_booked(server):
    nowhere = f"127.0.0.1:{free_port()}"
    lost = RUNNER.invoke(app, ["push", file_of("m-1"), "--source", "acme", "--patience", "0.2", "--server", nowhere])
    file_of("m-1", "m-2")
    Path("stock.csv").write_text(Path("stock.csv").read_text().replace("L-1,1,", "L-1,5,"))
    found = run("push", "stock.csv", "--source", "acme", server=server)

    assert (lost.exit_code, found.exit_code) == (3, 1)
    assert found.stdout == "stock: 2 booked, 0 already known, 0 rejected, 1 refused\n"
    assert "stock.csv:2: movement: got 'm-1', which is pending with other content" in found.stderr
    assert pending() == []


def test_an_invalid_mapping_or_zone_ends_with_one_sentence():
    Path("map.toml").write_text("[columns]\nlots = 'x'\n")
    file = file_of("m-1")

    found = run("push", file, "--source", "acme", "--columns", "map.toml")
    assert (found.exit_code, found.stderr.count("\n")) == (2, 1)
    assert found.stderr.startswith("collateral: map.toml: columns.lots: got an unknown entry")
    found = run("push", file, "--source", "acme", "--time-zone", "Mars")
    assert (found.exit_code, found.stderr) == (
        2,
        "collateral: time_zone: got 'Mars', want a time zone such as Asia/Shanghai, Europe/Berlin or UTC\n",
    )


def test_rejected_movements_are_listed_until_they_are_booked(server):
    Path("stock.csv").write_text(f"{HEADER}m-1,issue,2021-12-20T00:00:00Z,W-1,L-1,1,copper,t\n")
    pushed, listed = run("push", "stock.csv", "--source", "acme", server=server), run("rejected", "--source", "acme")
    again = run("push", file_of("m-1"), "--source", "acme", server=server)

    assert (pushed.exit_code, listed.exit_code) == (1, 0)
    assert "m-1" in listed.stdout
    assert "UNKNOWN_LOT" in listed.stdout
    assert again.stdout == "stock: 1 booked, 0 already known, 0 rejected\n"
    assert run("rejected", "--source", "acme").stdout == "none\n"


def test_a_count_is_read_by_a_mapping_and_compared_with_the_book(server):
    run("push", file_of("m-1", "m-2"), "--source", "acme", server=server)
    Path("map.toml").write_text('[columns]\nlot = "批次"\nquantity = "数量"\n[fixed]\ngood = "copper"\nunit = "t"\n')
    Path("count.csv").write_bytes("批次,数量\nL-1,1.5\n".encode("gb18030"))
    arguments = ("count", "count.csv", "--source", "acme", "--warehouse", "W-1", "--columns", "map.toml")
    found = run(*arguments, "--time", "2021-12-31 12:00", "--time-zone", "Asia/Shanghai", server=server)

    assert found.exit_code == 1, found.output
    assert "count: 0 lots agree, 1 differ" in found.stdout
    assert ["L-1", "1.5", "2", "0.5", "t", "findings/1"] in [line.split() for line in found.stdout.splitlines()]


@pytest.mark.parametrize(
    ("feed", "explained"),
    [
        ("empty", "the server has a book without stock of the feed empty; movements that it lacks: 3, acknowledged"),
        ("older", "the server has an older state of the book; movements that it lacks: 1, acknowledged from "),
        ("other", "either it is another book, or another outbox has pushed to the feed other as well"),
    ],
)
def test_an_outbox_that_meets_another_book_explains_it_and_sends_nothing(server, client, feed, explained):
    acknowledged_before(feed, receipts(2), receipts(1, first=3))
    if feed == "older":
        run("push", file_of("m-1", "m-2"), "--source", feed, "--outbox", "same.db", server=server)
    if feed == "other":
        push = Push(client, feed)
        push.opened()
        for sequence in (1, 2, 3):
            push.push(sequence, receipt(f"x-{sequence}", 1))
    there = booked(server, feed)
    found = run("push", file_of("m-4"), "--source", feed, server=server)

    assert found.exit_code == 4
    assert explained in found.stderr
    assert "nothing is lost; pending movements that the outbox keeps: 1" in found.stderr
    assert f"run the command renumber with --source {feed}" in found.stderr
    assert booked(server, feed) == there
    assert pending(feed) == ["m-4"]

    renumbered = run("renumber", "--source", feed)
    again = run("push", file_of("m-1", "m-2", "m-3"), "--source", feed, server=server)

    assert renumbered.stdout.startswith("stock: 1 movements pending, which get new numbers at the next push")
    assert again.exit_code == 0, again.output
    assert booked(server, feed) == sorted({*there, "m-1", "m-2", "m-3", "m-4"})
    assert pending(feed) == []


def test_a_book_restored_from_a_backup_gets_every_movement_once(server):
    """The real case: the book loses what was acknowledged after the backup, and then moves on by another outbox."""
    database = Path(server.url.removeprefix("sqlite:///"))
    run("push", file_of("m-1"), "--source", "acme", server=server)
    server.stop()
    shutil.copy(database, "backup.db")
    server.start()
    run("push", file_of("m-2"), "--source", "acme", server=server)
    server.stop()
    for left in database.parent.glob(f"{database.name}*"):
        left.unlink()
    shutil.copy("backup.db", database)
    server.start()
    run("push", file_of("m-9"), "--source", "acme", "--outbox", "second.db", server=server)
    found = run("push", file_of("m-3"), "--source", "acme", server=server)

    assert found.exit_code == 4
    assert "batch 2 has other movements at the server than in the outbox" in found.stderr
    assert booked(server) == ["m-1", "m-9"]

    run("renumber", "--source", "acme")
    again = run("push", file_of("m-1", "m-2", "m-3"), "--source", "acme", server=server)

    assert again.stdout == "stock: 2 booked, 1 already known, 0 rejected\n"
    assert booked(server) == ["m-1", "m-2", "m-3", "m-9"]


def test_the_right_book_recognises_its_outbox_after_another_outbox_has_pushed(server):
    for one, outbox in (("m-1", "first.db"), ("m-2", "second.db"), ("m-3", "first.db")):
        found = run("push", file_of(one), "--source", "acme", "--outbox", outbox, server=server)
        assert found.stdout == "stock: 1 booked, 0 already known, 0 rejected\n", found.output

    assert booked(server) == ["m-1", "m-2", "m-3"]


def test_the_server_to_which_an_outbox_pushed_before_is_named(server):
    acknowledged_before("acme", receipts(2))
    with Outbox(Path(".data/outbox-acme.db"), "acme") as outbox:
        outbox.destination = "10.0.0.5:50051"
    found = run("push", file_of("m-4"), "--source", "acme", server=server)

    assert "the outbox pushed to 10.0.0.5:50051 before: if that is the right server" in found.stderr


@pytest.mark.slow
def test_a_token_of_another_feed_sends_nothing_and_says_what_to_check(tmp_path, sqlite_url):
    tokens = {feed: hashlib.sha256(feed.encode()).hexdigest() for feed in ("acme", "other")}
    partners = tmp_path / "partners.json"
    partners.write_text(
        json.dumps({one: {"token_sha256": token, "warehouses": ["W-1"]} for one, token in tokens.items()})
    )
    Path("token").write_text("other\n")
    running = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(partners)}).start()
    found = run("push", file_of("m-1"), "--source", "acme", "--token-file", "token", server=running)
    Path("token").write_text("acme\n")
    right = run("push", file_of("m-1"), "--source", "acme", "--token-file", "token", server=running)
    running.stop()

    assert found.exit_code == 4
    assert "stockFeeds/acme is not the feed of this token" in found.stderr
    assert "check --source and the token: the lender issues one token for each feed" in found.stderr
    assert "1 movements are pending in the outbox" in found.stderr
    assert right.stdout == "stock: 1 booked, 0 already known, 0 rejected\n"


def test_a_file_that_cannot_be_used_ends_with_one_sentence(tmp_path):
    (tmp_path / "a-file").write_text("")
    Path("outbox.db").write_text("no outbox\n" * 100)
    file = file_of("m-1")
    for arguments, message in (
        (("push", file, "--source", "acme", "--outbox", "outbox.db"), "outbox: outbox.db cannot be used"),
        (("push", file, "--source", "acme", "--outbox", "outbox.db", "--check"), "outbox: outbox.db cannot be used"),
        (("push", file, "--source", "acme", "--outbox", "a-file/x/outbox.db"), "a-file/x: "),
        (("push", file, "--source", "Acme"), "source: got 'Acme', want lower case letters, digits and hyphens"),
        (("sample", "a-file/folder"), "a-file/folder: Not a directory"),
        (("renumber", "--source", "acme"), "outbox-acme.db does not exist; the first push creates it"),
        (("count", file, "--source", "acme", "--warehouse", "W-1"), "stock.csv: header: got column 'movement'"),
    ):
        found = run(*arguments)

        assert found.exit_code == 2, found.output
        assert message in found.stderr
        assert found.stderr.startswith("collateral: ")
        assert found.stderr.count("\n") == 1
