"""The file of lenders names the book of each, and the commands on a book take the lender."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.config import Settings
from collateral_registry.lenders import BOOKS_LIMIT, settings_by_lender

RUNNER = CliRunner()


def settings(folder: Path, text: str) -> Settings:
    file = folder / "lenders.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o644)
    return Settings(lenders_file=file, data_folder=folder)


def test_each_lender_has_a_book_of_its_own(tmp_path):
    found = settings_by_lender(
        settings(tmp_path, '[alpha]\n[beta]\ndatabase_url = "postgresql+psycopg://b@db/books"\n')
    )

    assert {lender: one.url for lender, one in found.items()} == {
        "alpha": f"sqlite:///{tmp_path}/alpha/collateral.db",
        "beta": "postgresql+psycopg://b@db/books",
    }


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", f"0 lenders, want 1 to {BOOKS_LIMIT}"),
        ("".join(f"[l-{n}]\n" for n in range(BOOKS_LIMIT + 1)), f"{BOOKS_LIMIT + 1} lenders, want 1 to {BOOKS_LIMIT}"),
        ("[Alpha]", "'Alpha': want 1 to 63 lower case letters"),
        ("[alpha]\n[own]", "'own': want another name; it stands for the book of a service without this file"),
        ("['../alpha']", "'../alpha': want 1 to 63 lower case letters"),
        ("[alpha]\n[alpha]", "want a TOML file with a table [LENDER] for each lender"),
        ("[alpha]\nurl = 'x'", "alpha.url"),
        ("[alpha]\ndatabase_url = 'sqlite://'", "alpha.database_url: want a file"),
        ("[alpha]\ndatabase_url = 'postgresql://u:secret@h/b'", "other users can open it; run chmod 600"),
        (
            "[alpha]\ndatabase_url = 'sqlite:////b.db'\n[beta]\ndatabase_url = 'sqlite:////b.db'",
            "beta: the database of alpha",
        ),
    ],
)
def test_an_unusable_file_is_refused_with_the_cause_and_without_secrets(tmp_path, text, cause):
    with pytest.raises(ValueError, match=r"^lenders_file: got ") as refused:
        settings_by_lender(settings(tmp_path, text))

    assert cause in str(refused.value)
    assert "secret" not in str(refused.value)


def test_commands_on_a_book_want_the_lender(tmp_path, prepared_file, monkeypatch):
    for lender in ("alpha", "beta"):
        (tmp_path / lender).mkdir()
        (tmp_path / lender / "collateral.db").write_bytes(prepared_file.read_bytes())
    settings(tmp_path, "[alpha]\n[beta]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLATERAL_LENDERS_FILE", "lenders.toml")
    monkeypatch.setenv("COLLATERAL_DATA_FOLDER", str(tmp_path))
    both = RUNNER.invoke(app, ["migrate"])
    one = RUNNER.invoke(app, ["migrate", "--lender", "beta"])
    none = RUNNER.invoke(app, ["backup", "--to", "."])
    unknown = RUNNER.invoke(app, ["backup", "--to", ".", "--lender", "gamma"])

    assert [line.partition(":")[0] for line in both.output.splitlines()] == ["alpha", "beta"]
    assert one.output.startswith("beta: schema ")
    assert [done.exit_code for done in (both, one, none, unknown)] == [0, 0, 2, 2]
    assert "--lender: got none, want one of alpha, beta" in none.output
