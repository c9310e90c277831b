"""What cannot start ends with one message that names the setting, its value and the remedy, and a documented code."""

import os
import re
import socket
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.config import PREFIX
from collateral_registry.store.engine import connections as settings
from tests.support.authority import Authority, write_pair
from tests.support.launch import forked

SETTING, OPERATOR, LATER = 2, 4, 5
"""Exit codes: a setting is wrong, an operator must act first, a later start may succeed (docs/operations.md)."""

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, without settings of this machine; restores the umask, which the commands set."""
    monkeypatch.chdir(tmp_path)
    for name in [one for one in os.environ if one.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    before = os.umask(0o077)
    yield tmp_path
    os.umask(before)


def refusal(*arguments: str) -> tuple[int, str]:
    """The exit code and the one line of a command that is refused."""
    found = CliRunner().invoke(app, [*arguments])
    assert isinstance(found.exception, SystemExit), found.exception
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert SECRET not in line
    return found.exit_code, line.removeprefix("collateral: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"COLLATERAL_ADRESS=1.1.1.1:1", ":1: COLLATERAL_ADRESS: got an unknown setting, want COLLATERAL_ADDRESS"),
        (b"WATCHERS_LIMIT=5", ":1: WATCHERS_LIMIT: got an unknown setting, want COLLATERAL_WATCHERS_LIMIT"),
        (
            b"# passwords\n\nPGPASSFILE=/etc/x",
            ":3: PGPASSFILE: got an unknown setting, want one of those in docs/operations.md",
        ),
        (
            b"COLLATERAL_DRAIN_SECONDS=5\ncollateral_drain_seconds=6",
            ":2: COLLATERAL_DRAIN_SECONDS: got a second value, want one; line 1 has the first",
        ),
        (b"hunter2 is no setting", ":1: want NAME=value, or a comment that begins with #"),
        (b"COLLATERAL_DRAIN_SECONDS", ":1: want NAME=value, or a comment that begins with #"),
        (b"# M\xfcnchen", ": got a byte 0xfc that is not UTF-8, want a text file of settings in UTF-8, or none"),
        (b"\xff\xfeC\x00", ": got a byte 0xff that is not UTF-8, want a text file of settings in UTF-8, or none"),
        (
            b"COLLATERAL_DATA_FOLDER=a\0b",
            ": got a NUL character, want a text file of settings in UTF-8, or none",
        ),
    ],
)
def test_a_line_of_the_settings_file_that_would_have_no_effect_is_refused(folder, content, message):
    (folder / "collateral.env").write_bytes(content)

    assert refusal("serve") == (SETTING, f"collateral.env{message}")


def test_a_settings_file_that_cannot_be_read_is_refused(folder):
    (folder / "collateral.env").mkdir()

    want = "want a text file of settings in UTF-8, or none"
    assert refusal("serve") == (SETTING, f"collateral.env: {want} (Is a directory)")


def test_a_settings_file_of_windows_is_read(folder):
    (folder / "collateral.env").write_bytes(b"\xef\xbb\xbfCOLLATERAL_DRAIN_SECONDS=never\r\n# end\r\n")

    assert refusal("serve") == (SETTING, "drain_seconds: got 'never', want a valid number")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WATCHERS_LIMIT", "many", "watchers_limit: got 'many', want a valid integer"),
        ("DRAIN_SECONDS", "nan", "drain_seconds: got 'nan', want at most 1000000"),
        ("READ_SECONDS", "inf", "read_seconds: got 'inf', want at most 1000000"),
        ("CONNECTION_AGE_SECONDS", "1e30", "connection_age_seconds: got '1e30', want at most 1000000"),
        ("MESSAGE_LIMIT_BYTES", "2147483648", "message_limit_bytes: got '2147483648', want at most 2147483647"),
        ("PROCESSES", "0", "processes: got '0', want at least 1"),
        ("MODEL_SECONDS", "0", "model_seconds: got '0', want more than 0"),
        ("ALLOW_JUMP", "perhaps", "allow_jump: got 'perhaps', want a valid boolean"),
        ("LOG_LEVEL", "LOUD", "log_level: got 'LOUD', want 'debug', 'info', 'warning' or 'error'"),
        ("TIME_ZONE", "Nowhere/Land", "time_zone: got 'Nowhere/Land', want a time zone such as Europe/Berlin"),
        ("TIME_ZONE", "\udcff", r"time_zone: got '\udcff', want a time zone such as Europe/Berlin"),
        ("ADDRESS", "nonsense", "address: got 'nonsense', want host:port such as 127.0.0.1:50051"),
        ("DASK_SCHEDULER", "tcp://x", "dask_scheduler: got 'tcp://x', want an address such as tcp://10.0.0.1:8786"),
        ("ADRESS", SECRET, "COLLATERAL_ADRESS: got an unknown setting, want COLLATERAL_ADDRESS"),
        ("DATABASE_URL", "sqlite:///a.db?timeout=x", "database_url: want the path of a SQLite file without parameters"),
    ],
)
def test_a_wrong_value_is_refused_with_its_setting_and_what_is_wanted(monkeypatch, name, value, message):
    monkeypatch.setenv(PREFIX + name, value)

    assert refusal("serve") == (SETTING, message)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hunter2@h/d",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@[::1/d",
        "postgresql://u:hunt@er2@h/d",
        "postgresql://",
        "book.db",
    ],
)
def test_an_unreadable_url_is_refused_without_a_part_of_its_password(monkeypatch, url):
    monkeypatch.setenv("COLLATERAL_DATABASE_URL", url)
    code, message = refusal("serve")

    assert code == SETTING
    assert message.startswith("database_url: want a URL such as sqlite:///book.db")
    assert "hunt" not in message


def test_a_date_that_does_not_exist_is_refused():
    want = "want a date such as 2022-07-01"
    assert refusal("serve", "--business-date", "2021-13-01") == (SETTING, f"--business-date: got '2021-13-01', {want}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"hunter2", "Invalid JSON: expected value at line 1 column 1"),
        (b'{"\xff": 1}', "not UTF-8"),
        (b"[]", "want an object"),
        (
            b'{"acme": {"token_sha256": "hunter2", "wharehouses": []}}',
            "acme.token_sha256: want the SHA-256 of a token, 64 hexadecimal digits in lower case",
        ),
    ],
)
def test_an_unusable_file_of_partners_is_refused_in_one_line(folder, monkeypatch, content, problem):
    monkeypatch.setenv("COLLATERAL_PARTNERS_FILE", "partners.json")
    if content is not None:
        (folder / "partners.json").write_bytes(content)
    code, message = refusal("serve")

    assert code == SETTING
    assert message.startswith(f"partners_file: got partners.json ({problem}), want a JSON file of partners")


def firefox(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE moz_places (id int)")
    connection.close()


def other_alembic(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version AS SELECT 'ab12cd34' AS version_num")
    connection.close()


def truncated(path):
    """A book of which the second half is missing."""
    assert CliRunner().invoke(app, ["migrate", "--database", f"sqlite:///{path}"]).exit_code == 0
    os.truncate(path, path.stat().st_size // 2)


FILES = {
    "random bytes": (lambda path: path.write_bytes(b"no database" * 1000), "the database file is damaged"),
    "a few bytes": (lambda path: path.write_bytes(b"hello"), "the database file is damaged"),
    "half a book": (truncated, "the database file is damaged"),
    "tables of another program": (firefox, "got a database of another program (table moz_places)"),
    "versions of another program": (other_alembic, "got a database of another program (schema version ab12cd34)"),
    "a folder": (Path.mkdir, "(Is a directory)"),
    "a pipe": (os.mkfifo, "(Not a regular file)"),
    "a device": (lambda path: path.symlink_to("/dev/full"), "(Not a regular file)"),
    "a loop of links": (lambda path: path.symlink_to(path), "(Too many levels of symbolic links)"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_book_is_refused_and_left_as_it_is(folder, name):
    make, problem = FILES[name]
    path = folder / "book.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    code, message = refusal("migrate", "--database", f"sqlite:///{path}")

    assert code == OPERATOR
    assert re.match("database(_url)?: got ", message)
    assert problem in message
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_cannot_be_made_is_reported_by_every_command(folder):
    (folder / "file").write_bytes(b"")
    for place in ("/proc/none", folder / "file"):
        for command in ("migrate", "run"):
            code, message = refusal(command, "--database", f"sqlite:///{place}/book.db")

            assert code == OPERATOR
            assert f"got {place}" in message
            assert "that this user can create" in message


def test_a_full_disk_is_temporary_and_the_next_start_succeeds(folder, monkeypatch):
    migrate = ("migrate", "--database", f"sqlite:///{folder / 'book.db'}")
    with monkeypatch.context() as full:
        full.setattr(settings, "SQLITE_PRAGMAS", (*settings.SQLITE_PRAGMAS, "max_page_count=9"))
        code, message = refusal(*migrate)

    assert code == LATER
    assert message.endswith("cause: database or disk is full; start again once it is gone")
    assert CliRunner().invoke(app, migrate).exit_code == 0


def test_a_book_that_may_only_be_read_needs_an_operator(folder, monkeypatch):
    """As root, a file without write permission would be written; the driver is asked to refuse instead."""
    migrate = ("migrate", "--database", f"sqlite:///{folder / 'book.db'}")
    with monkeypatch.context() as read_only:
        read_only.setattr(settings, "SQLITE_PRAGMAS", (*settings.SQLITE_PRAGMAS, "query_only=ON"))
        code, message = refusal(*migrate)

    assert code == OPERATOR
    assert message.endswith("cause: attempt to write a readonly database; correct the database or the setting")


@contextmanager
def refusing_postgres(severity: str, message: str):
    """The address of a server that asks for a password in PostgreSQL's protocol and then refuses."""
    fields = f"S{severity}\0V{severity}\0CXX000\0M{message}\0\0".encode()
    answer = b"E" + (len(fields) + 4).to_bytes(4) + fields
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    while True:
                        size = int.from_bytes(connection.recv(4))
                        if size != 8:  # not the question for TLS or GSS encryption
                            break
                        connection.recv(4)
                        connection.sendall(b"N")
                    connection.recv(size)
                    connection.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))  # a password in clear text
                    connection.recv(1024)
                    connection.sendall(answer)

        thread = threading.Thread(target=refuse)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('password authentication failed for user "u"', OPERATOR),
        ('database "book" does not exist', OPERATOR),
        ('no pg_hba.conf entry for host "127.0.0.1", user "u"', OPERATOR),
        ("the database system is starting up", LATER),
        ("sorry, too many clients already", LATER),
        ("Passwort-Authentifizierung fehlgeschlagen", LATER),
    ],
)
def test_postgresql_that_refuses_is_reported_without_the_password(monkeypatch, message, expected):
    with refusing_postgres("FATAL", message) as address:
        monkeypatch.setenv("COLLATERAL_DATABASE_URL", f"postgresql://u:{SECRET}@{address}/book")
        code, line = refusal("migrate")

    assert code == expected
    assert line.startswith(f"database_url: got postgresql://u:***@{address}/book, want a usable database; cause: ")
    assert message in line


@pytest.mark.parametrize(
    ("url", "cause", "expected"),
    [
        (f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/book", "Connection refused", LATER),
        ("postgresql+psycopg://u@/book?host=/no/folder", "No such file or directory", LATER),
        ("postgresql+psycopg://u@127.0.0.1:1/book?nonsense=1", 'invalid connection option "nonsense"', OPERATOR),
    ],
)
def test_postgresql_that_cannot_be_reached_is_reported(monkeypatch, url, cause, expected):
    monkeypatch.setenv("COLLATERAL_DATABASE_URL", url)
    code, line = refusal("migrate")

    assert code == expected
    assert cause in line


@pytest.mark.parametrize("name", ["address", "http-address", "metrics-address"])
def test_a_busy_port_is_temporary_and_named_by_its_setting(name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = refusal("serve", f"--{name}", address)

    setting = name.replace("-", "_")
    want = "want a free port of this machine (Address already in use)"
    assert found == (LATER, f"{setting}: got {address}, {want}")


@pytest.mark.parametrize(
    ("address", "problem", "expected"),
    [
        ("192.0.2.1:50051", "Cannot assign requested address", LATER),
        ("unix:/no/folder/socket", "no folder /no/folder", OPERATOR),
        (f"unix:/tmp/{'s' * 110}", "more than 107 bytes", OPERATOR),
    ],
)
def test_an_address_that_this_machine_cannot_serve_is_reported(folder, monkeypatch, address, problem, expected):
    certificate, key = write_pair(folder, Authority().server())
    monkeypatch.setenv("COLLATERAL_TLS_CERTIFICATE_FILE", str(certificate))
    monkeypatch.setenv("COLLATERAL_TLS_KEY_FILE", str(key))
    want = f"want a free port of this machine ({problem})"
    assert refusal("serve", "--address", address) == (expected, f"address: got {address}, {want}")


@pytest.mark.parametrize("address", ["localhost", "http://127.0.0.1:50051", "127.0.0.1:99999", "127.0.0.1:", ""])
def test_an_address_that_no_server_can_have_is_refused(address):
    found = CliRunner().invoke(app, ["report", "ltv", "--server", address])

    assert found.exit_code == SETTING
    assert f"got {address!r}, want host:port such as 127.0.0.1:50051" in found.stderr


@pytest.mark.slow
def test_a_server_ends_with_the_code_and_the_message_alone(tmp_path):
    """The commands above share what they report with the server, which has processes and an event loop of its own."""
    (tmp_path / "damaged.db").write_bytes(b"no database" * 1000)
    urls = {
        f"sqlite:///{tmp_path}/damaged.db": OPERATOR,
        "sqlite:////proc/none/book.db": OPERATOR,
        f"postgresql://u:{SECRET}@127.0.0.1:1/book": LATER,
    }
    for number, (url, expected) in enumerate(urls.items()):
        output = tmp_path / f"output-{number}"
        started = forked(["serve", "--address", "127.0.0.1:0"], {"COLLATERAL_DATABASE_URL": url}, output)

        assert started.wait(60) == expected
        (line,) = output.read_text().splitlines()
        assert line.startswith("collateral: database")
        assert SECRET not in line
