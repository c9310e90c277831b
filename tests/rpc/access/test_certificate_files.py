"""Connections of TLS are verified on both sides, and replaced files are used without a restart."""

import asyncio
import ssl
from datetime import timedelta

import grpc
import pytest
from structlog.testing import capture_logs

from collateral_registry.rpc.access.access_file import AccessFiles
from collateral_registry.rpc.access.certificate_files import CertificateFiles, server_credentials
from tests.support.authority import Authority, access_file, bearer, trusting, web_token, write_pair
from tests.support.identified_server import refusal, who, with_calls
from tests.support.server import free_port

LOANS = "spiffe://bank.example/origination"
ENTRY = f'[certificates."{LOANS}"]\nroles = ["originator"]\n'


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def files(tmp_path, authority):
    """The files of a server that wants client certificates of the authority."""
    (tmp_path / "authorities.pem").write_bytes(authority.certificate)
    return CertificateFiles(*write_pair(tmp_path, authority.server()), tmp_path / "authorities.pem")


@pytest.fixture
def identities(tmp_path):
    return AccessFiles(access_file(tmp_path, ENTRY))


def called(identities, files, channel_credentials, work=who, *, with_clients=True, port=0):
    credentials = server_credentials(files.reloaded(), with_clients=with_clients)
    return with_calls(identities, work, f"127.0.0.1:{port}", (credentials, channel_credentials))


def test_a_listed_certificate_is_the_caller(identities, files, authority):
    client = trusting(authority, authority.client(LOANS))

    assert called(identities, files, client) == f"{LOANS}|own|originator|"


def test_a_token_decides_before_the_certificate(identities, files, authority):
    client = trusting(authority, authority.client(LOANS))

    with_token = called(identities, files, client, lambda channel: who(channel, *bearer(web_token())))
    assert with_token == "people/ana|own|risk_officer|"
    wrong = called(identities, files, client, lambda channel: refusal(channel, *bearer("guess")))
    assert wrong.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("spiffe_id", ["spiffe://bank.example/other", ""])
def test_a_certificate_that_is_not_listed_is_refused(identities, files, authority, spiffe_id):
    error = called(identities, files, trusting(authority, authority.client(spiffe_id)), refusal)

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert f"client certificate: got {spiffe_id or 'no SPIFFE id'}, want one that" in error.details()


def test_no_certificate_a_foreign_and_an_expired_one_and_a_foreign_server_are_refused(identities, files, authority):
    clients = {
        "none": trusting(authority),
        "foreign": trusting(authority, Authority().client(LOANS)),
        "expired": trusting(authority, authority.client(LOANS, timedelta(minutes=-5))),
        "foreign server": trusting(Authority(), authority.client(LOANS)),
    }
    codes = {name: called(identities, files, client, refusal).code() for name, client in clients.items()}

    assert codes == dict.fromkeys(clients, grpc.StatusCode.UNAVAILABLE)


def test_the_address_for_tokens_wants_no_certificate(identities, files, authority):
    found = called(
        identities,
        files,
        trusting(authority),
        lambda channel: who(channel, *bearer(web_token())),
        with_clients=False,
    )

    assert found == "people/ana|own|risk_officer|"


def test_replaced_files_serve_new_connections_and_open_ones_continue(identities, files, authority):
    """While only one of the files is replaced, they do not belong together."""
    new, port = authority.server(), free_port()

    async def work(channel):
        served = [await presented(port)]
        assert await who(channel, *bearer(web_token()))
        files.chain.write_bytes(new[1])
        served.append(await presented(port))
        files.key.write_bytes(new[0])
        served.append(await presented(port))
        assert await who(channel, *bearer(web_token()))
        return served

    before = files.chain.read_text()
    with capture_logs() as logged:
        served = called(identities, files, trusting(authority), work, with_clients=False, port=port)

    assert served == [before, before, new[1].decode()]
    (error,) = [line for line in logged if line["log_level"] == "error"]
    assert "with the key of another certificate" in error["cause"]


async def presented(port):
    """Returns the certificate with which a new connection is served."""
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port), timeout=10)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda files, _other: files.chain.unlink(), "tls_certificate_file: got .*No such file or directory"),
        (lambda files, _other: files.chain.write_bytes(b"x"), "tls_certificate_file: got .* without certificates"),
        (lambda files, _other: files.key.write_bytes(b"x"), "tls_key_file: got .* without a usable key"),
        (lambda files, other: files.key.write_bytes(other[0]), "tls_key_file: got .* the key of another certificate"),
        (lambda files, _other: files.authorities.write_bytes(b"x"), "client_authorities_file: got .* without cert"),
    ],
)
def test_unusable_files_are_named_by_their_setting(files, authority, change, problem):
    change(files, authority.server())
    with pytest.raises(ValueError, match=problem):
        files.read()


def test_an_expired_certificate_is_refused_and_one_that_expires_soon_is_reported(tmp_path, authority):
    expired = CertificateFiles(*write_pair(tmp_path, authority.server(timedelta(minutes=-5))))
    with pytest.raises(ValueError, match=r"tls_certificate_file: got .* which expired at .*, want a valid one"):
        expired.read()
    with capture_logs() as logged:
        CertificateFiles(*write_pair(tmp_path, authority.server(timedelta(days=13)))).read()

    assert [line["event"] for line in logged] == ["the certificate of the server expires soon"]
