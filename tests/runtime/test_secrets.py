"""Passwords and tokens reach no log, no list of processes and no file of the book."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from collateral_registry.cli.server.settings import settings_from
from collateral_registry.config import Settings
from collateral_registry.logs import masked
from collateral_registry.v1 import stock_ledger_pb2, stock_pb2
from tests.support.authority import digest_of
from tests.support.server import Server, connected

PASSWORD = "hunter2-in-url"
TOKEN = "token-of-a-partner"
RIGHT = "right-token-of-a-partner"
FILED = "secret-of-a-pgpass"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (f"cannot use postgresql+psycopg://ann:{PASSWORD}@db/book", "cannot use postgresql+psycopg://ann:***@db/book"),
        (f"postgresql://ann:p@{PASSWORD}@db/book", "postgresql://ann:***@db/book"),
        (f"postgresql://db/book?user=ann&password={PASSWORD}&a=1", "postgresql://db/book?user=ann&password=***&a=1"),
        (f"invalid dsn: host=db password={PASSWORD} user=ann", "invalid dsn: host=db password=*** user=ann"),
        (f"('authorization', 'Bearer {TOKEN}')", "('authorization', 'Bearer ***')"),
        ("twice\nDETAIL:  Key (name)=(Acme) already exists.\n[SQL: x]", "twice\nDETAIL:  ***\n[SQL: x]"),
        ("null\nDETAIL:  Failing row contains (a note\nof two lines, 7).\n", "null\nDETAIL:  ***\n"),
        ('bad\nCONTEXT:  COPY book, line 1, column debtor: "Acme"\nTraceback', "bad\nCONTEXT:  ***\nTraceback"),
        ('invalid input syntax for type bigint: "Acme"\nLINE 1', "invalid input syntax for type bigint: ***\nLINE 1"),
        ("http://127.0.0.1:50080/v1 is served to ann@example.org", None),
    ],
)
def test_passwords_and_tokens_are_masked_in_texts(text, want):
    assert masked(text) == (want or text)


def test_settings_show_no_password(monkeypatch):
    monkeypatch.setenv("COLLATERAL_DATABASE_URL", f"postgresql+psycopg://ann:{PASSWORD}@db/book")
    settings = Settings()

    assert PASSWORD in settings.url
    assert PASSWORD not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert PASSWORD not in repr(pickle.loads(pickle.dumps(SecretStr(settings.url))))  # noqa: S301 - own bytes


@pytest.mark.parametrize("url", [f"postgresql://ann:{PASSWORD}@db/book", f"postgresql://db/book?password={PASSWORD}"])
def test_a_password_in_an_argument_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="COLLATERAL_DATABASE_URL") as refused:
        settings_from("", url, "")

    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("COLLATERAL_DATABASE_URL", f"mysql://ann:{PASSWORD}@db/book"), ("COLLATERAL_DATABSE_URL", PASSWORD)],
)
def test_an_invalid_or_misspelt_setting_is_reported_without_its_value(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=r"database_url|COLLATERAL_DATABASE_URL") as refused:
        settings_from("", "", "")

    assert PASSWORD not in str(refused.value)


LOGGING = f"""
import sys
from collateral_registry.logs import configure, logger

configure(form=sys.argv[1])

def connect(url, token):
    raise RuntimeError("cannot connect")

def fail():
    url, token = "postgresql://ann:{PASSWORD}@db/book", "{TOKEN}"
    connect(url, token)

try:
    fail()
except RuntimeError:
    logger("test").exception("failed", url="postgresql://ann:{PASSWORD}@db/book", token="{TOKEN}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_has_no_local_variables(form):
    done = subprocess.run([sys.executable, "-c", LOGGING, form], capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout)["exception"] if form == "json" else done.stdout

    assert "RuntimeError: cannot connect" in shown
    assert 'File "<string>"' in shown
    assert "postgresql://ann:***@db/book" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.slow
def test_planted_secrets_are_in_no_output_argument_or_file(cluster, prepared_database, tmp_path):
    """The service runs, refuses calls, loses its database and dies."""
    url = cluster.copy_database(prepared_database)
    partners = tmp_path / "partners.json"
    partners.write_text(json.dumps({"acme": {"token_sha256": digest_of(RIGHT), "warehouses": ["W-1"]}}))
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{FILED}\n")
    (tmp_path / "pgpass").chmod(0o600)
    environment = {
        "COLLATERAL_DATABASE_URL": url.replace("postgres@", f"postgres:{PASSWORD}@"),
        "COLLATERAL_PARTNERS_FILE": str(partners),
        "COLLATERAL_DATA_FOLDER": str(tmp_path / "data"),
        "PGPASSFILE": str(tmp_path / "pgpass"),
    }
    server = Server("", environment=environment, processes=2).start()
    with connected(server) as client:
        request = stock_pb2.RecordMovementsRequest(stock_feed="stockFeeds/acme")
        with pytest.raises(Exception, match="UNAUTHENTICATED"):
            client.stock.RecordMovements(request, metadata=[("authorization", f"Bearer {TOKEN}")])
        cluster.drop_database(url)
        feed = stock_ledger_pb2.GetStockFeedRequest(name="stockFeeds/acme")
        with pytest.raises(Exception, match="UNAVAILABLE"):
            client.ledger.GetStockFeed(feed, metadata=[("authorization", f"Bearer {RIGHT}")])
    arguments = _arguments_of_all_processes()
    server.stop()
    again = Server("", environment=environment)
    with pytest.raises(AssertionError, match="the server stopped"):
        again.start()

    texts = [server.said, again.said, arguments]
    texts += [path.read_text(errors="replace") for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert "serve" in arguments
    assert "does not exist" in again.said
    for secret in (PASSWORD, TOKEN, RIGHT, FILED):
        assert not any(secret in text for text in texts), secret


def _arguments_of_all_processes() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    assert os.getpid() in {int(process.name) for process in Path("/proc").glob("[0-9]*")}
    return "\n".join(found)
