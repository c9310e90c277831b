"""Commands against a real server."""

import csv
import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.launch import run
from tests.support.server import FIRST_DAY, Server, repository

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")


def test_help_takes_less_than_half_a_second_of_the_processor():
    command = [COLLATERAL, "--help"]
    subprocess.run(command, capture_output=True, check=True)
    before = processor_seconds()
    found = subprocess.run(command, capture_output=True, text=True, check=True)

    # Elapsed time would also count the tests that share the cores.
    assert processor_seconds() - before < 0.5
    assert "watch" in found.stdout


def processor_seconds() -> float:
    """Returns the processor time of the commands that have exited."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_server_is_healthy_within_two_seconds_on_an_existing_database(tmp_path):
    Server(f"sqlite:///{tmp_path / 'book.db'}").start().stop()

    # The best of three, because other tests share the cores.
    assert min(seconds_to_health(f"sqlite:///{tmp_path / 'book.db'}") for _ in range(3)) < 2.0


def seconds_to_health(url: str) -> float:
    """Returns the seconds from the start of a server until it is healthy."""
    start = time.perf_counter()
    server = Server(url).start()
    seconds = time.perf_counter() - start
    server.stop()
    return seconds


def test_the_service_starts_without_slow_statistics_libraries():
    slow = "('statsmodels', 'scipy.stats', 'pandas', 'arch')"
    program = f"import sys, collateral_registry.bootstrap; print([m for m in {slow} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_an_unreachable_server_is_reported_with_exit_code_3():
    command = [COLLATERAL, "report", "ltv", "--server", "127.0.0.1:1"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert found.returncode == 3
    assert "cannot reach a server at 127.0.0.1:1" in found.stderr
    assert "Traceback" not in found.stderr


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def import_book(server, folder):
    """Imports a small book from files."""
    texts = {
        "series": "series,kind,good,unit,currency,market,source,max_age_days\ncopper,GOOD,copper,t,USD,spot,test,10\n",
        "prices": "# a comment\nseries,date,price\n"
        + "".join(f"copper,2021-12-{day:02d},{9000 + day}\n" for day in range(1, 32)),
        "fx": "base,quote,date,rate\nEUR,USD,2021-12-31,1.13\n",
        "assets": "asset_id,kind,class,owner,currency,good,quantity,unit,warehouse,lot,insurance_expiry\n"
        "lot-1,INVENTORY,inventory.base_metal,=Acme,USD,copper,100,t,W-1,L-1,2035-12-31\n",
        "loans": "loan_id,borrower,currency,principal,as_of\nloan-1,=Acme,USD,300000.00,2021-12-31\n",
        "pledges": "pledge_id,loan,asset,rank,registry,registry_number\np-1,loan-1,lot-1,1,notices,1\n",
    }
    for kind, text in texts.items():
        found = run("import", kind, str(write_csv(folder / f"{kind}.csv", text)), server=server.address)
        assert found.returncode == 0, found.stderr
    return server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder with the files of the shared book."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def shared_server(files):
    """A server with a small book, shared by the tests that do not change it."""
    running = Server(f"sqlite:///{files / 'book.db'}").start()
    yield import_book(running, files)
    running.stop()


@pytest.fixture
def own_server(server, tmp_path):
    """A server with a small book for a test that changes it."""
    return import_book(server, tmp_path)


def test_an_imported_book_is_reported(shared_server):
    table = run("report", "ltv", server=shared_server.address)
    rows = list(
        csv.DictReader(io.StringIO(run("report", "ltv", "--format", "csv", server=shared_server.address).stdout))
    )
    document = json.loads(run("report", "ltv", "--format", "json", server=shared_server.address).stdout)

    assert "loan-1" in table.stdout
    assert (rows[0]["loan"], rows[0]["exposure"]) == ("loan-1", "300000.00")
    assert (document[0]["loan"], document[0]["exposure"]) == ("loan-1", 300000.0)


def quickly(*arguments: str, server: Server) -> int:
    """Runs a command in this process and returns its exit code."""
    at = ("--server", server.address) if arguments[0] in {"import", "stock"} else ()
    return CliRunner().invoke(app, [*arguments, *at]).exit_code


def test_a_file_without_rows_is_no_error_for_commands_that_work_row_by_row(shared_server, tmp_path):
    prices = str(write_csv(tmp_path / "prices.csv", "series,date,price\n"))
    moves = str(write_csv(tmp_path / "moves.csv", "movement,kind,time,warehouse,lot,quantity\n"))
    outbox = ("--outbox", str(tmp_path / "outbox.db"))

    assert quickly("import", "prices", prices, server=shared_server) == 0
    assert quickly("stock", "push", moves, "--source", "acme", *outbox, server=shared_server) == 0
    for name in ("haircut", "backtest", "forecast"):
        assert quickly(name, prices, "--output", str(tmp_path / name), server=shared_server) == 0, name


def test_a_file_without_rows_is_refused_by_commands_that_need_rows(shared_server, tmp_path):
    families = str(write_csv(tmp_path / "families.csv", "id,years_paid,lapsed\n"))
    count = str(write_csv(tmp_path / "count.csv", "lot,good,unit,quantity\n"))
    fees = ("--office", "CN", "--kind", "patent", "--output", str(tmp_path / "out.csv"))
    no_header = str(write_csv(tmp_path / "none.csv", ""))

    assert quickly("ip", "renewal", families, *fees, server=shared_server) == 2
    assert quickly("stock", "count", count, "--warehouse", "W-1", "--actor", "a", server=shared_server) == 4
    assert quickly("import", "prices", no_header, server=shared_server) == 2


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_reader_that_ends_ends_the_command_with_the_documented_code(shared_server, form):
    reading, writing = os.pipe()
    os.close(reading)
    command = [COLLATERAL, "report", "ltv", "--format", form, "--server", shared_server.address]
    found = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)

    assert (found.returncode, found.stderr) == (141, b"")


def test_an_early_moment_and_a_huge_limit_are_explained(shared_server):
    early = CliRunner().invoke(app, ["report", "ltv", "--as-of", "0", "--server", shared_server.address])
    huge = CliRunner().invoke(app, ["report", "ltv", "--limit", "9" * 20, "--server", shared_server.address])

    assert early.output.startswith("Loan to value before the first business date of the book\n")
    assert (huge.exit_code, "--limit" in huge.stderr) == (2, True)


def test_formula_like_cells_are_escaped(shared_server):
    rows = list(
        csv.DictReader(io.StringIO(run("report", "ltv", "--format", "csv", server=shared_server.address).stdout))
    )

    assert rows[0]["borrower"] == "'=Acme"


def test_importing_a_file_again_changes_nothing(shared_server, files):
    found = run("import", "prices", str(files / "prices.csv"), server=shared_server.address)

    assert found.returncode == 0
    assert "0 refused" in found.stdout


def test_refused_rows_are_reported_by_line_and_the_others_imported(own_server, tmp_path):
    rows = ("# note", "series,date,price", "copper,2021-12-31,-5", "copper,2021-02-30,9000", "silver,2021-12-31,20")
    text = "\n".join([*rows, "copper,2021-11-30,9001", ""])
    found = run("import", "prices", str(write_csv(tmp_path / "bad.csv", text)), server=own_server.address)

    assert found.returncode == 1
    assert "1 accepted" in found.stdout
    assert "bad.csv:3: price: got -5, want more than 0" in found.stderr
    assert "bad.csv:4: date" in found.stderr
    assert "bad.csv:5: price_series" in found.stderr


def test_value_shows_every_step(shared_server):
    found = run("value", "lot-1", server=shared_server.address)

    assert "lendable value" in found.stdout
    assert "over 15 business days" in found.stdout
    assert "stand-in of the policy" in found.stdout
    assert "flags: short_history" in found.stdout


def test_breaches_as_of_a_date(shared_server):
    now = run("report", "breaches", "--format", "csv", server=shared_server.address)
    before = run("report", "breaches", "--format", "csv", "--as-of", "2021-12-30", server=shared_server.address)

    assert "loan-1,1,'=Acme" in now.stdout
    assert "loan-1" not in before.stdout


def test_an_invalid_as_of_is_reported(shared_server):
    found = run("report", "ltv", "--as-of", "yesterday", server=shared_server.address)

    assert found.returncode == 2
    assert "--as-of: got 'yesterday', want" in found.stderr


def test_watch_prints_events_until_the_server_stops(own_server):
    command = [COLLATERAL, "watch", "--server", own_server.address]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    line = watching.stdout.readline()
    own_server.stop()
    code = watching.wait(20)
    watching.stdout.close()

    assert "OPENED" in line
    assert code in {0, 3}


def test_buf_curl_can_value_an_asset(shared_server):
    """Server reflection is on, so a client needs no generated code."""
    body = json.dumps({"names": ["assets/lot-1"]})
    command = [
        str(Path(sys.executable).parent / "buf"),
        "curl",
        "--protocol",
        "grpc",
        "--http2-prior-knowledge",
        "-d",
        body,
    ]
    url = f"http://{shared_server.address}/collateral_registry.v1.ValuationService/ValueAssets"
    found = subprocess.run([*command, url], capture_output=True, text=True, timeout=60, check=True)

    assert json.loads(found.stdout)["valuations"][0]["marketValue"]["units"] == "903100"


def test_no_module_reads_outside_the_packages():
    """The sample data is part of the package."""
    for path in (*repository().glob("collateral_registry/**/*.py"), *repository().glob("valuation/**/*.py")):
        assert "../shared" not in path.read_text(encoding="utf-8"), path


def test_the_first_day_of_the_tests_is_the_opening_of_the_sample():
    assert FIRST_DAY.isoformat() == "2021-12-31"


def test_a_stop_request_swallowed_by_a_finaliser_is_repeated():
    program = """
import signal, time
from collateral_registry.cli.server import run
class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
for number in (signal.SIGTERM, signal.SIGALRM):
    signal.signal(number, run._request_stop)
try:
    Finalised()
    time.sleep(5)
except run.StopRequested:
    print("stopped")
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)

    assert "Exception ignored" in found.stderr
    assert found.stdout == "stopped\n"
