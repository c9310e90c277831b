"""Commands against a real server: errors and repeated commands."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToJson

from collateral_registry.v1 import audit_pb2, audit_pb2_grpc, business_date_pb2, loan_pb2, policy_pb2
from tests.support.launch import run
from tests.support.server import Client, Server, free_port

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")
SERIES = "series,good,unit,currency,max_age_days\ncopper,copper,t,USD,10\n"
ASSETS = (
    "asset_id,kind,class,owner,currency,good,quantity,unit,warehouse,lot,insurance_expiry\n"
    "lot-1,INVENTORY,inventory.base_metal,Acme,USD,copper,100,t,W-1,L-1,2035-12-31\n"
)
LOANS = "loan_id,borrower,currency,principal,as_of\nloan-1,Acme [/b],USD,300000.00,2021-12-31\n"


@pytest.fixture
def import_text(server, tmp_path):
    """Imports a text as a file of some kind."""

    def import_file(kind, text, name="rows.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return run("import", kind, str(path), server=server.address)

    return import_file


def sequence(server):
    """Returns the number of the newest commit."""
    with grpc.insecure_channel(server.address) as channel:
        return Client(channel).dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).sequence


def methods_since(server, number):
    """Returns the methods of the commits after a number."""
    with grpc.insecure_channel(server.address) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        entries = stub.ListAuditEntries(audit_pb2.ListAuditEntriesRequest(page_size=100)).entries
        return {entry.method for entry in entries if entry.sequence > number}


def test_help_loads_no_slow_library():
    program = (
        "import sys, collateral_registry.cli.main; "
        "print([m for m in ('grpc', 'rich', 'google.protobuf', 'numpy', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_prices_refused_for_a_missing_series_are_accepted_once_it_exists(import_text):
    """The repeated file has the same request id, but its stored refusal must not be returned again."""
    prices = "series,date,price\ncopper,2021-12-30,9000\n"
    refused = import_text("prices", prices)
    import_text("series", SERIES)
    repeated = import_text("prices", prices)

    assert (refused.returncode, repeated.returncode) == (1, 0)
    assert "0 accepted, 0 already known, 1 refused" in refused.stdout
    assert "1 accepted, 0 already known, 0 refused" in repeated.stdout


def test_a_row_with_a_known_id_and_different_content_is_refused(import_text, server):
    first = import_text("loans", LOANS)
    before = sequence(server)
    again = import_text("loans", LOANS)
    changed = import_text("loans", LOANS.replace("300000.00", "7.00"))

    assert (first.returncode, again.returncode, changed.returncode) == (0, 0, 1)
    assert "rows.csv:2: id loan-1 is already registered as loans/loan-1" in changed.stderr
    assert sequence(server) == before, "importing rows again writes nothing"


def test_a_quarantined_price_is_reported(import_text):
    import_text("series", SERIES)
    days = "".join(f"copper,2021-11-{day:02d},{9000 + day}\n" for day in range(1, 31))
    found = import_text("prices", f"series,date,price\n{days}copper,2021-12-01,900000\n")

    assert found.returncode == 1
    assert "30 accepted, 0 already known, 1 quarantined, 0 refused" in found.stdout
    assert "rows.csv:32: quarantined: price: got 900000" in found.stderr


def test_a_long_file_is_sent_in_batches_and_refusals_keep_their_lines(import_text):
    import_text("series", SERIES)
    rows = ["copper,2021-12-30,9000"] * 5_000 + ["copper,2021-12-31,-1", "copper,2021-12-31,9001"]
    found = import_text("prices", "series,date,price\n" + "\n".join(rows) + "\n")

    assert "2 accepted, 4999 already known, 1 refused" in found.stdout
    assert found.stderr == "rows.csv:5002: price: got -1, want more than 0\n"


def test_a_rate_in_pence_is_refused_by_its_line_alone(import_text):
    rows = "EUR,USD,2021-12-30,1.13\nEUR,GBp,2021-12-30,84.6\nEUR,GBP,2021-12-30,0.846\n"

    found = import_text("fx", f"base,quote,date,rate\n{rows}")

    assert (found.returncode, found.stdout) == (1, "fx: 2 accepted, 0 already known, 1 refused\n")
    assert found.stderr.startswith("rows.csv:3: quote_currency_code: got 'GBp', want GBP")


def test_a_converted_value_prints_the_quotes_of_its_rate(import_text, server):
    import_text("series", SERIES)
    import_text("assets", ASSETS)
    import_text("prices", "series,date,price\ncopper,2021-12-31,10000\n")
    import_text("fx", "base,quote,date,rate\nEUR,USD,2021-12-31,1.25\nEUR,CNY,2021-12-30,7.8\n")

    printed = run("value", "lot-1", "--currency", "CNY", server=server.address).stdout
    quoted = [line.split()[2:] for line in printed.splitlines() if line.startswith("quoted rate")]

    assert quoted == [
        ["1.25", "USD/EUR", "2021-12-31", "one", "divided", "by", "it", "is", "used", "priceSeries/fx-eur-usd"],
        ["7.8", "CNY/EUR", "2021-12-30", "priceSeries/fx-eur-cny"],
    ]


def test_a_file_with_a_wrong_header_is_refused_as_a_whole_with_exit_code_2(import_text):
    found = import_text(
        "loans", "loan_id,borrower,currency,principal,as_of,credit_limitt\nl-1,A,USD,1.00,2021-12-31,5\n"
    )

    assert found.returncode == 2
    assert "rows.csv: header: got column 'credit_limitt', want only loan_id" in found.stderr
    assert found.stdout == ""


def test_a_policy_is_stored_from_its_json(import_text, server):
    with grpc.insecure_channel(server.address) as channel:
        (default,) = Client(channel).policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies
    default.name = "policies/house-2022"
    stored = import_text("policy", MessageToJson(default), "policy.json")
    broken = import_text("policy", "{", "policy.json")
    nameless = import_text("policy", "{}", "policy.json")

    assert (stored.returncode, broken.returncode, nameless.returncode) == (0, 2, 2)
    assert "policies/house-2022 is stored" in stored.stdout
    assert "policy.json: name: got nothing" in nameless.stderr


def test_assets_loans_and_breaches_are_shown(import_text, server):
    import_text("series", SERIES)
    import_text("prices", "series,date,price\n" + "".join(f"copper,2021-12-{n:02d},{9000 + n}\n" for n in range(1, 32)))
    import_text("assets", ASSETS)
    import_text("loans", LOANS.replace("300000", "900000"))
    import_text("pledges", "pledge_id,loan,asset,registry,registry_number\np-1,loan-1,lot-1,notices,1\n")
    asset = json.loads(run("asset", "show", "lot-1", server=server.address).stdout)
    loan = json.loads(run("loan", "show", "loans/loan-1", server=server.address).stdout)
    acknowledged = run("breach", "ack", "loan-1/1", "--actor", "desk", "--note", "see [/mail]", server=server.address)

    assert asset["inventory"]["lot"] == "L-1"
    assert loan["cover"]["market_value"]["units"] == "903100"
    assert "lot-1" in run("asset", "list", "--filter", "good = copper", server=server.address).stdout
    assert "Acme [/b]" in run("loan", "list", "--limit", "1", server=server.address).stdout
    assert "ACKNOWLEDGED" in acknowledged.stdout
    assert "see [/mail]" in run("breach", "show", "loans/loan-1/breaches/1", server=server.address).stdout


def test_a_missing_resource_gives_exit_code_4(server):
    found = run("loan", "show", "none", server=server.address)

    assert found.returncode == 4
    assert found.stderr == "collateral: loans/none does not exist [NOT_FOUND]\n"


@pytest.fixture(scope="module")
def sampled(sample_file, tmp_path_factory):
    """A server with the sample book."""
    running = Server(f"sqlite:///{shutil.copy(sample_file, tmp_path_factory.mktemp('sample'))}").start()
    yield running
    running.stop()


def test_loading_the_sample_again_changes_nothing(sampled):
    before = sequence(sampled)

    assert run("sample", "load", server=sampled.address).returncode == 0
    assert sequence(sampled) == before


def owed(server, loan):
    with grpc.insecure_channel(server.address) as channel:
        return Client(channel).loan(loan).principal.units


def test_a_day_replayed_twice_is_applied_once(sampled):
    """On 17 May Red Prairie draws a million."""
    before = owed(sampled, "loan-red-prairie")
    first = run("sample", "replay", "--from", "2022-05-16", "--until", "2022-05-17", server=sampled.address)
    drawn, commit = owed(sampled, "loan-red-prairie"), sequence(sampled)
    second = run("sample", "replay", "--until", "2022-05-17", server=sampled.address)

    assert drawn - before == 1_000_000
    assert owed(sampled, "loan-red-prairie") == drawn
    assert methods_since(sampled, commit) <= {"ReviewPool"}, "reviews of pools go on in the background"
    assert re.fullmatch(r"\d+ breaches opened, \d+ cured, \d+ live\n", first.stdout)
    assert second.stdout == first.stdout


def test_a_replay_of_past_days_has_nothing_to_do(sampled):
    run("sample", "replay", "--until", "2022-01-03", server=sampled.address)
    found = run("sample", "replay", "--until", "2021-12-31", server=sampled.address)

    assert found.stdout.startswith("nothing to replay from ")


def test_run_refuses_an_address_in_use(server, tmp_path):
    """The sample must never be loaded into the book of another server."""
    before = sequence(server)
    found = run("run", "--address", server.address, "--database", f"sqlite:///{tmp_path / 'other.db'}")

    assert found.returncode == 5
    assert f"address: got {server.address}, want a free port" in found.stderr
    assert sequence(server) == before
    assert not (tmp_path / "other.db").exists()


def test_run_does_not_load_the_sample_into_another_book(tmp_path):
    url = f"sqlite:///{tmp_path / 'own.db'}"
    own = Server(url).start()
    with grpc.insecure_channel(own.address) as channel:
        Client(channel).register_loan()
    own.stop()
    found = run("run", "--address", f"127.0.0.1:{free_port()}", "--database", url, "--exit-after-replay")
    again = Server(url).start()
    with grpc.insecure_channel(again.address) as channel:
        loans = Client(channel).loans.ListLoans(loan_pb2.ListLoansRequest()).loans
    again.stop()

    assert found.returncode == 0, found.stderr
    assert "Loading" not in found.stdout
    assert [loan.name for loan in loans] == ["loans/loan-1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_stops_during_the_replay_and_leaves_no_server_running(number, tmp_path):
    url, port = f"sqlite:///{tmp_path / 'book.db'}", free_port()
    command = [COLLATERAL, "run", "--address", f"127.0.0.1:{port}", "--database", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while "Loading" not in running.stdout.readline():
            assert running.poll() is None
        sent = time.perf_counter()
        running.send_signal(number)
        code = running.wait(20)
        seconds = time.perf_counter() - sent

    assert code == 0
    assert seconds < 10
    assert run("migrate", "--database", url).returncode == 0, "no process holds the database"
