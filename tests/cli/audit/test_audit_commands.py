"""The commands of the audit log, as an operator and a verifier use them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collateral_registry.cli.audit.export import run_export
from collateral_registry.cli.audit.keys import run_keys
from collateral_registry.cli.audit.verify import run_verify
from collateral_registry.commands.audit.checkpoints import make_checkpoint
from collateral_registry.config import Settings
from collateral_registry.domain.audit.checkpoints import new_key, signing_key
from collateral_registry.store.audit.entries import newest_checkpoint
from tests.support.books import do, open_empty_book

PARTS_OF_A_SERVER = "sqlalchemy", "collateral_registry.store", "collateral_registry.rpc", "collateral_registry.config"


@pytest.fixture
def book(tmp_path):
    """A SQLite book of two commits."""
    database = open_empty_book(f"sqlite:///{tmp_path / 'book.db'}")
    do(database, lambda _: None)
    yield database
    database.close()


@pytest.fixture
def key(tmp_path, capsys):
    """The file of a private key; its public key is in a file next to it."""
    assert run_keys(tmp_path / "key", "bank.example/book") == 0
    (tmp_path / "public").write_text(capsys.readouterr().out)
    return tmp_path / "key"


def signed(database, file):
    """Makes a checkpoint and returns it."""
    make_checkpoint(database, signing_key(file.read_text()), {})
    with database.read() as connection:
        return newest_checkpoint(connection)[1]


def test_a_private_key_is_private_and_is_not_overwritten(key, capsys):
    assert key.stat().st_mode & 0o777 == 0o600
    assert run_keys(key, "other") != 0
    assert "exists" in capsys.readouterr().err
    assert Settings(audit_key_file=key).audit_key().text == key.read_text().strip()


def test_a_key_that_others_may_read_is_refused(key):
    key.chmod(0o644)
    with pytest.raises(ValueError, match=r"audit_key_file: got .* want a file of collateral audit keys"):
        Settings(audit_key_file=key).audit_key()


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
def test_an_export_is_verified_in_an_empty_environment_without_the_parts_of_a_server(book, key, tmp_path, name):
    signed(book, key)
    assert run_export(tmp_path / name, book.url, "") == 0
    program = f"""
import json, sys
from pathlib import Path
from collateral_registry.cli.audit.verify import run_verify
code = run_verify(Path({name!r}), "public", [])
print(json.dumps([code, [name for name in {PARTS_OF_A_SERVER} if name in sys.modules]]))
"""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    book.close()
    (tmp_path / "book.db").unlink()
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    *_, verified, checkpoints, _, last = done.stdout.splitlines()

    assert json.loads(last) == [0, []]
    assert verified.startswith("2 commits (1 to 2) and ")
    assert checkpoints == "1 checkpoints of bank.example/book are valid; the newest covers commits up to 2"


def test_a_log_that_was_cut_or_forked_contradicts_a_checkpoint_that_was_kept(book, key, tmp_path, capsys):
    (tmp_path / "kept").write_text(signed(book, key))
    with book.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_entry WHERE seq = 2")
        connection.exec_driver_sql("DELETE FROM commit_log WHERE seq = 2")
        connection.exec_driver_sql("DELETE FROM audit_checkpoint WHERE size = 2")
    run_export(tmp_path / "cut", book.url, "")
    do(book, lambda _: None, actor="another")
    signed(book, key)
    run_export(tmp_path / "forked", book.url, "")
    capsys.readouterr()

    assert run_verify(tmp_path / "cut", str(tmp_path / "public"), [tmp_path / "kept"]) == 1
    assert "has 2 entries, of which the last 1 are missing" in capsys.readouterr().out
    assert run_verify(tmp_path / "forked", str(tmp_path / "public"), []) == 0
    assert run_verify(tmp_path / "forked", str(tmp_path / "public"), [tmp_path / "kept"]) == 1
    assert "up to commit 2: they were changed, or the log was forked" in capsys.readouterr().out


def test_what_cannot_be_verified_is_an_error_and_not_a_fault(tmp_path, capsys):
    (tmp_path / "other").write_text("{}\n")
    (tmp_path / "damaged.gz").write_bytes(b"\x1f\x8b" + bytes(40))

    assert run_verify(Path("missing"), "", []) > 1
    assert run_verify(tmp_path / "other", "", []) > 1
    assert run_verify(tmp_path / "damaged.gz", "", []) > 1
    assert run_verify(tmp_path / "other", "x+y", []) > 1
    assert run_verify(tmp_path / "other", "", [tmp_path / "other"]) > 1
    assert [line.split(":")[1].strip() for line in capsys.readouterr().err.splitlines()][-2:] == ["--key", "--key"]


def test_rows_that_no_commit_states_are_counted_and_not_among_the_verified(book, tmp_path, capsys):
    run_export(tmp_path / "log", book.url, "")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    named = {"name": "added", "seq": "seq", "run": "", "changes": True, "order": ["seq"]}
    lines[0][1]["sets"].append({**named, "columns": [["seq", "integer", False]]})
    added = [*lines[:-1], ["set", "added"], ["row", 0], ["end", len(lines) + 1]]
    (tmp_path / "added").write_text("\n".join(map(json.dumps, added)))
    capsys.readouterr()

    run_verify(tmp_path / "added", "", [])
    assert "\n1 rows are in no commit of the log and were not verified: " in capsys.readouterr().out


def test_the_log_of_a_lender_is_named(book, key, tmp_path, capsys):
    make_checkpoint(book, signing_key(key.read_text()), {}, "beta")
    run_export(tmp_path / "log", book.url, "")

    run_verify(tmp_path / "log", str(tmp_path / "public"), [])
    assert "1 checkpoints of bank.example/book/beta are valid; " in capsys.readouterr().out


@pytest.mark.usefixtures("key")
def test_a_checkpoint_of_another_key_is_a_fault(book, tmp_path, capsys):
    make_checkpoint(book, new_key("bank.example/book"), {})
    run_export(tmp_path / "log", book.url, "")

    assert run_verify(tmp_path / "log", str(tmp_path / "public"), []) == 1
    assert "checkpoint 2: got no valid signature of key bank.example/book" in capsys.readouterr().out
