"""``collateral stock``: files are booked once, and refused or rejected rows are reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import free_port

COLLATERAL = str(Path(sys.executable).parent / "collateral")
HEADER = "movement,kind,time,warehouse,lot,quantity,good,unit\n"
RECEIPTS = "".join(f"m-{number},RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,{number},copper,t\n" for number in range(1, 301))


def run(*arguments, folder, server=None, **environment):
    """Runs a stock command in a folder until it exits."""
    command = [COLLATERAL, "stock", *arguments, *(["--server", server.address] if server else [])]
    kept = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=kept)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "stock.csv"
    path.write_text(f"# stock of December\n{HEADER}{RECEIPTS}")
    return path


def test_pushing_a_file_again_books_nothing(server, file, tmp_path):
    first = run("push", str(file), "--source", "acme", folder=tmp_path, server=server)
    second = run("push", str(file), "--source", "acme", folder=tmp_path, server=server)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout == "stock: 300 booked, 0 already known, 0 rejected\n"
    assert second.stdout == "stock: 0 booked, 300 already known, 0 rejected\n"


def test_rejected_and_refused_rows_are_reported_by_line_and_the_others_booked(server, tmp_path):
    rows = (
        "m-1,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,10,copper,t\n"
        "m-2,ISSUE,2021-12-20T09:00:00Z,W-1,L-1,25,copper,t\n"
        "m-3,RECEIPT,2021-12-20T08:00:00,W-1,L-1,10,copper,t\n"
        "m-4,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,0.0000001,copper,t\n"
        "m-5,GIFT,2021-12-20T08:00:00Z,W-1,L-1,1,copper,t\n"
        "m-6,RECEIPT,2021-12-20T08:00:00+01:00,W-1,L-1,many,copper,t\n"
        "m-7,ISSUE,2021-12-20T10:00:00Z,W-1,L-1,,copper,t\n"
        "m-8,ISSUE,2021-12-20T10:00:00Z,W-1,L-1,-1.5,copper,t\n"
        "m-9,ISSUE,2221-12-20T10:00:00Z,W-1,L-1,1,copper,t\n"
    )
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + rows)
    found = run("push", str(path), "--source", "acme", folder=tmp_path, server=server)
    listed = run("backlog", "--source", "acme", folder=tmp_path)

    assert found.returncode == 1
    assert found.stdout == "stock: 1 booked, 0 already known, 3 rejected, 5 refused\n"
    assert "bad.csv:3: movement m-2: INSUFFICIENT_STOCK: " in found.stderr
    assert "bad.csv:4: time: got '2021-12-20T08:00:00', want a time with its zone" in found.stderr
    assert "bad.csv:5: quantity: got 1E-7, want at most" in found.stderr
    assert "bad.csv:6: kind: got 'GIFT', want one of RECEIPT" in found.stderr
    assert "bad.csv:7: quantity: got 'many', want a number" in found.stderr
    assert "bad.csv:8: quantity: got nothing, want a quantity" in found.stderr
    assert "bad.csv:9: movement m-8: INVALID_FIELD: quantity: got -1.5, want more than 0" in found.stderr
    assert "FUTURE_TIME: effective_time: got 2221-12-20T10:00:00Z, want not after 20" in found.stderr
    assert "rejected: movement m-2: INSUFFICIENT_STOCK" in listed.stdout


def test_every_kind_of_movement_is_booked_from_a_file(server, tmp_path):
    path = tmp_path / "kinds.csv"
    path.write_text(
        "movement,kind,time,warehouse,lot,quantity,good,unit,to_warehouse,to_lot,grade,corrects\n"
        "m-1,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,10,copper,t,,,A,\n"
        "m-2,ISSUE,2021-12-20T09:00:00Z,W-1,L-1,1.5,,,,,,\n"
        "m-3,TRANSFER,2021-12-20T10:00:00Z,W-1,L-1,1,,,W-2,L-1,,\n"
        "m-4,ADJUSTMENT,2021-12-20T11:00:00Z,W-1,L-1,-0.25,,,,,,\n"
        "m-5,QUALITY,2021-12-20T12:00:00Z,W-1,L-1,,,,,,B,\n"
        "m-6,SPLIT,2021-12-20T13:00:00Z,W-1,L-1,2,,,,L-2,,\n"
        "m-7,MERGE,2021-12-20T14:00:00Z,W-1,L-2,2,,,,L-1,,\n"
        "m-8,CORRECTION,,,,9,,,,,,m-1\n"
    )
    found = run("push", str(path), "--source", "acme", folder=tmp_path, server=server)

    assert found.stdout == "stock: 8 booked, 0 already known, 0 rejected\n", found.stderr


def test_movements_stay_pending_without_a_server_and_are_sent_by_the_next_push(server, file, tmp_path):
    nowhere = f"127.0.0.1:{free_port()}"
    lost = run("push", str(file), "--source", "acme", "--patience", "0.5", folder=tmp_path, COLLATERAL_SERVER=nowhere)
    backlog = run("backlog", "--source", "acme", folder=tmp_path)
    file.write_text(HEADER + "m-301,ISSUE,2021-12-20T08:00:00Z,W-1,L-9,1,copper,t\n")
    found = run("push", str(file), "--source", "acme", folder=tmp_path, server=server)

    assert lost.returncode == 3
    assert f"cannot reach a server at {nowhere}" in lost.stderr
    assert "300 movements are pending in the outbox" in lost.stderr
    assert backlog.stdout.startswith("stock: 300 movements pending, 0 batches formed, oldest added ")
    assert found.stdout == "stock: 300 booked, 0 already known, 1 rejected\n"
    assert "stock.csv:2: movement m-301: UNKNOWN_LOT" in found.stderr


def test_a_file_with_a_repeated_id_is_refused_as_a_whole(server, file, tmp_path):
    file.write_text(file.read_text() + "m-1,ISSUE,2021-12-20T08:00:00Z,W-1,L-1,1,copper,t\n")
    found = run("push", str(file), "--source", "acme", folder=tmp_path, server=server)
    backlog = run("backlog", "--source", "acme", folder=tmp_path)

    assert found.returncode == 2
    assert "stock.csv:303: movement: got 'm-1' as in line 3, with other content" in found.stderr
    assert "does not exist; the first push creates it" in backlog.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "Acme Ltd"), "source: got 'Acme Ltd'"),
        (("--source", "other", "--outbox", "acme.db"), "holds the stock of acme, want other"),
    ],
)
def test_a_wrong_source_sends_nothing(server, file, tmp_path, arguments, message):
    run("push", str(file), "--source", "acme", "--outbox", "acme.db", folder=tmp_path, server=server)
    found = run("push", str(file), *arguments, folder=tmp_path, server=server)

    assert found.returncode == 2
    assert message in found.stderr


@pytest.mark.slow
def test_a_new_token_is_printed_with_its_digest(tmp_path):
    import hashlib

    found = run("token", folder=tmp_path)
    lines = found.stdout.splitlines()
    token, digest = lines[0].split()[-1], lines[1].split()[-1]

    assert len(token) >= 43
    assert digest == hashlib.sha256(token.encode()).hexdigest()


def collateral(*arguments, server):
    """Runs a command until it exits."""
    command = [COLLATERAL, *arguments, "--server", server.address]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_stock_is_listed_and_a_rejected_movement_resolved(server, tmp_path):
    path = tmp_path / "stock.csv"
    path.write_text(
        HEADER + "m-1,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,10,copper,t\nm-2,ISSUE,2021-12-20T09:00:00Z,W-1,L-1,25,,\n"
    )
    run("push", str(path), "--source", "acme", folder=tmp_path, server=server)
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(HEADER + "m-2,ISSUE,2021-12-20T09:00:00Z,W-1,L-1,2.5,,\n")
    listed = run("rejected", folder=tmp_path, server=server)
    resolution = ("--actor", "clerk", "--note", "a point was lost")
    resolved = run("resolve", "acme/1", *resolution, "--instead", str(corrected), folder=tmp_path, server=server)
    feeds = run("feeds", folder=tmp_path, server=server).stdout
    lots = run("lots", "--filter", 'warehouse = "W-1"', folder=tmp_path, server=server).stdout
    moves = run("movements", "--filter", "feed = acme", folder=tmp_path, server=server).stdout

    assert "m-2       INSUFFICIENT_STOCK" in listed.stdout
    assert resolved.returncode == 0, resolved.stderr
    assert "clerk     a point was lost" in resolved.stdout
    assert "acme" in feeds
    assert "7.5" in lots
    assert moves.index("m-2") < moves.index("m-1")


def test_a_count_is_compared_with_the_book_and_its_finding_resolved(server, file, tmp_path):
    run("push", str(file), "--source", "acme", folder=tmp_path, server=server)
    count = tmp_path / "count.csv"
    count.write_text("lot,good,unit,quantity\nL-1,copper,t,40000\n")
    found = run("count", str(count), "--warehouse", "W-1", "--actor", "inspector", folder=tmp_path, server=server)
    both = run("count", str(count), "--warehouse", "W-1", folder=tmp_path, server=server)
    count.write_text("lot,good,unit,quantity\nL-1,copper,t,\nTotal,,,5\n")
    blank = run("count", str(count), "--warehouse", "W-1", "--actor", "inspector", folder=tmp_path, server=server)
    findings = collateral("finding", "list", server=server)
    resolved = collateral("finding", "resolve", "1", "--actor", "auditor", "--note", "found", server=server)
    warehouses = collateral("warehouse", "list", server=server)
    counts = collateral("warehouse", "counts", "W-1", server=server)

    assert (found.returncode, both.returncode, blank.returncode) == (1, 2, 2)
    assert "count.csv:2: quantity: got nothing, want a number" in blank.stderr
    assert "0 lots agree, 1 differ" in found.stdout
    assert "L-1   40,000  45,150     5,150  t     1" in found.stdout
    assert "COUNT" in findings.stdout
    assert "by auditor: found" in resolved.stdout
    assert "W-1" in warehouses.stdout
    assert "45,150" in counts.stdout


def test_the_whole_book_is_revalued_and_the_run_is_listed(server):
    done = collateral("revalue", server=server)
    listed = collateral("runs", server=server)

    assert done.returncode == 0, done.stderr
    assert "published" in done.stdout
    assert done.stdout.split()[0].removeprefix("revaluations/") in listed.stdout
    assert "PUBLISHED" in listed.stdout


def test_the_own_spellings_of_a_feed_are_set_shown_and_used(server, tmp_path):
    shown = run("units", "acme", "ton=short_ton", "箱=piece", folder=tmp_path, server=server)
    path = tmp_path / "tons.csv"
    path.write_text(f"{HEADER}m-1,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,10,copper,Ton\n")
    pushed = run("push", str(path), "--source", "acme", folder=tmp_path, server=server)
    wrong = run("units", "acme", "ton", folder=tmp_path, server=server)
    both = run("units", "acme", "ton=short_ton", "--clear", folder=tmp_path, server=server)
    cleared = run("units", "acme", "--clear", folder=tmp_path, server=server)

    assert shown.returncode == 0, shown.stderr
    assert "short_ton" in shown.stdout
    assert pushed.stdout == "stock: 1 booked, 0 already known, 0 rejected\n"
    assert (wrong.returncode != 0, both.returncode) == (True, 2)
    assert "got 'ton', want each spelling once with its unit" in wrong.stderr
    assert "short_ton" not in cleared.stdout
