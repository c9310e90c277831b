"""Operators check an access file and make tokens without a server."""

import tomllib

from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.rpc.access.access_file import AccessEntries
from tests.support.authority import access_file, digest_of

ENTRIES = """
[certificates."spiffe://bank.example/origination"]
roles = ["originator"]

[lenders.other.partners.erp]
pools = ["p-1"]
account = true
tokens = [{ sha256 = "%s", expires = 2020-01-01T00:00:00Z }]
certificates = ["spiffe://erp.example/push"]
"""


def access(*arguments):
    return CliRunner().invoke(app, ["access", *map(str, arguments)])


def test_a_file_is_described_by_who_may_do_what(tmp_path):
    path = access_file(tmp_path, ENTRIES % ("a" * 64), {"acme": "token"})
    found = access("check", path)

    assert found.exit_code == 0
    assert found.stdout.splitlines()[:9] == [
        "lender own",
        "  spiffe://bank.example/origination: certificate, originator",
        "  people/SUBJECT: tokens of https://login.bank.example for collateral, keys ec-1, rsa-1",
        "      the roles in the claim roles",
        "  partners/acme: a token; reports warehouse W-1",
        "lender other",
        "  partners/erp: a token that expired at 2020-01-01 00:00 UTC, spiffe://erp.example/push; reports pool p-1 as "
        "the collection account",
        "",
        "appraiser may: appraise, quote, read_book" + found.stdout.splitlines()[8].partition("read_book")[2],
    ]


def test_a_mistake_is_named_with_its_place(tmp_path):
    path = access_file(tmp_path, '[certificates."spiffe://bank.example/x"]\nrole = ["originator"]\n')
    found = access("check", path)

    assert found.exit_code == 2
    assert found.stderr.startswith(f"collateral: access_file: got {path} (certificates.spiffe://bank.example/x.role")
    assert access("check", tmp_path / "none.toml").exit_code == 2


def test_a_new_token_is_written_for_its_owner_and_its_entry_is_accepted(tmp_path):
    path = tmp_path / "token"
    found = access("token", "--feed", "acme", "--expires", "2027-06-30", "--output", path)
    entry = tomllib.loads(found.stdout.partition("access_file:")[2])
    token = path.read_text().strip()

    assert path.stat().st_mode & 0o777 == 0o600
    assert token not in found.stdout
    (stated,) = AccessEntries.model_validate(entry).partners["acme"].tokens
    assert (stated.sha256, f"{stated.expires:%Y-%m-%d %Z}") == (digest_of(token), "2027-06-30 UTC")
    again = access("token", "--output", path)
    assert (again.exit_code, again.stdout) == (2, "")
    assert path.read_text().strip() == token


def test_a_malformed_expiry_is_refused():
    found = access("token", "--expires", "next year")

    assert found.exit_code == 2
    assert "--expires: got" in found.stderr
