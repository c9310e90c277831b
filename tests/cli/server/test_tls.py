"""A server with TLS and identities is reached by the commands, over HTTP/JSON and for metrics with credentials only."""

import json
import os
import shutil
import signal
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collateral_registry.cli.main import app
from collateral_registry.notebook import CallFailed, connect
from tests.support.authority import Authority, access_file, web_token, write_pair
from tests.support.launch import forked
from tests.support.postgres import wait_until
from tests.support.server import free_port

pytestmark = pytest.mark.slow

LOANS = "spiffe://bank.example/origination"
TOKEN = "a-token-of-a-partner-that-no-log-may-have"
EVERY_ADDRESS = str(IPv4Address(0))


@dataclass
class Secured:
    """A server, its addresses by setting, the folder of the files of its callers, and the file of its output."""

    addresses: Mapping[str, str]
    folder: Path
    output: Path

    def options(self, *names: str) -> list[str]:
        """Returns the options of a connection to the server with files of these options."""
        files = {"certificate": "client.crt", "key": "client.key", "token-file": "token"}
        given = [part for name in names for part in (f"--{name}", str(self.folder / files[name]))]
        return ["--tls-authority", str(self.folder / "authority.pem"), *given]

    def ask(self, setting: str, path: str, *, token: str = "", client: bool = False) -> tuple[int, str]:
        """Returns the status and the text of an answer over HTTPS, or the wanted credentials; methods are posted to."""
        context = ssl.create_default_context(cafile=self.folder / "authority.pem")
        if client:
            context.load_cert_chain(self.folder / "client.crt", self.folder / "client.key")
        host, _, port = self.addresses[setting].rpartition(":")
        connection = HTTPSConnection(host, int(port), timeout=20, context=context)
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        connection.request("POST" if path.startswith("/v1") else "GET", path, "{}", headers)
        answer = connection.getresponse()
        text = answer.headers.get("www-authenticate") or answer.read().decode()
        connection.close()
        return answer.status, text


def run(*arguments: str, server: str) -> Result:
    """Runs a command of a server in this process."""
    return CliRunner().invoke(app, [*arguments, "--server", server])


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, prepared_file: Path) -> Iterator[Secured]:
    folder, authority = tmp_path_factory.mktemp("secured"), Authority()
    (folder / "authority.pem").write_bytes(authority.certificate)
    certificate, key = write_pair(folder, authority.server())
    write_pair(folder, authority.client(LOANS), "client")
    (folder / "token").write_text(web_token())
    path = access_file(folder, f'[certificates."{LOANS}"]\nroles = ["originator"]\n', {"acme": TOKEN})
    names = ("address", "token_address", "http_address", "metrics_address")
    addresses = {name: f"127.0.0.1:{free_port()}" for name in names}
    # The addresses of HTTP use TLS only off the loopback interface, as is every address of the machine together.
    listened = {name: one.replace("127.0.0.1", EVERY_ADDRESS) for name, one in addresses.items()}
    files = {"access": path, "tls_certificate": certificate, "tls_key": key}
    files["client_authorities"] = folder / "authority.pem"
    environment = {f"COLLATERAL_{name.upper()}": value for name, value in listened.items()}
    environment |= {f"COLLATERAL_{name.upper()}_FILE": str(file) for name, file in files.items()}
    environment |= {"COLLATERAL_BUSINESS_DATE": "2021-12-31", "COLLATERAL_LOG_READS_EVERY": "1"}
    found = Secured(addresses, folder, folder / "output")
    found.output.touch()
    shutil.copy(prepared_file, folder / "book.db")
    process = forked(["serve", "--database", f"sqlite:///{folder / 'book.db'}"], environment, found.output)
    try:
        wait_until(lambda: '"serving"' in found.output.read_text() or process.poll() is not None)
        assert process.poll() is None, found.output.read_text()
        yield found
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)


def test_commands_reach_it_by_certificate_or_token_and_not_without(secured):
    at = secured.addresses
    by_certificate = run("loan", "list", *secured.options("certificate", "key"), server=at["address"])
    by_token = run("loan", "list", *secured.options("token-file"), server=at["token_address"])
    without = run("loan", "list", *secured.options(), server=at["token_address"])

    assert (by_certificate.exit_code, by_token.exit_code, without.exit_code) == (0, 0, 4)
    assert "authorization: got nothing" in without.stderr


def test_the_health_of_a_server_with_tls_is_checked(secured):
    at = secured.addresses
    assert run("health", *secured.options("certificate", "key"), server=at["address"]).exit_code == 0
    assert run("health", *secured.options(), server=at["token_address"]).exit_code == 0
    assert run("health", *secured.options(), server=at["address"]).exit_code == 1


def test_calls_over_http_need_a_token(secured):
    method = "/v1/BusinessDateService/GetBusinessDate"

    assert secured.ask("http_address", method) == (401, "Bearer")
    assert secured.ask("http_address", method, token="guess") == (401, "Bearer")
    status, text = secured.ask("http_address", method, token=web_token())
    assert (status, json.loads(text)["date"]["year"]) == (200, 2021)


def test_metrics_need_a_client_certificate(secured):
    assert secured.ask("metrics_address", "/metrics", client=True)[0] == 200
    with pytest.raises((ssl.SSLError, OSError)):
        secured.ask("metrics_address", "/metrics")


def test_a_notebook_reads_with_a_token(secured):
    at, authority = secured.addresses["token_address"], secured.folder / "authority.pem"
    with connect(at, tls_authority=authority, token_file=secured.folder / "token") as book:
        assert str(book.state()["business_date"]) == "2021-12-31"
    with pytest.raises(CallFailed, match="authorization: got nothing"):
        connect(at, tls_authority=authority)


def test_the_log_states_who_called_and_no_token(secured):
    run("loan", "list", *secured.options("certificate", "key"), server=secured.addresses["address"])
    wait_until(lambda: LOANS in secured.output.read_text())
    text = secured.output.read_text()

    assert "TLS, accepting 1 certificates, 1 tokens of partners, 1 issuers of tokens" in text
    assert "people/ana" in text
    assert (secured.folder / "token").read_text() not in text
    assert TOKEN not in text
