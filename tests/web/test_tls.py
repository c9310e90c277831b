"""A listener of HTTP uses replaced certificates for new connections, and wants the clients of its authorities."""

import asyncio
import ssl
from http.client import HTTPSConnection

import pytest
from starlette.applications import Starlette

from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.web.listener import HttpListener
from tests.support.authority import Authority, write_pair
from tests.support.server import free_port


def with_listener(files, work):
    """Returns what a function returns, in a thread, that is given the port of a listener without pages."""

    async def run():
        listener = HttpListener(Starlette(), 1.0, "http_address", files)
        port = await listener.start(f"127.0.0.1:{free_port()}")
        try:
            return await asyncio.to_thread(work, port)
        finally:
            await listener.drain()

    return asyncio.run(run())


def status(port, authority, client=None):
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    if client:
        context.load_cert_chain(*client)
    connection = HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_replaced_files_are_used_for_new_connections(tmp_path):
    authority = Authority()
    old, new = authority.server(), authority.server()
    files = CertificateFiles(*write_pair(tmp_path, old))

    def work(port):
        served = [ssl.get_server_certificate(("127.0.0.1", port), timeout=10)]
        files.chain.write_bytes(new[1])
        served.append(ssl.get_server_certificate(("127.0.0.1", port), timeout=10))
        files.key.write_bytes(new[0])
        served.append(ssl.get_server_certificate(("127.0.0.1", port), timeout=10))
        return served, status(port, authority)

    served, found = with_listener(files, work)
    assert served == [old[1].decode(), old[1].decode(), new[1].decode()]
    assert found == 404


def test_client_certificates_are_those_of_the_authorities(tmp_path):
    authority, foreign = Authority(), Authority("foreign")
    (tmp_path / "authorities.pem").write_bytes(authority.certificate)
    files = CertificateFiles(*write_pair(tmp_path, authority.server()), tmp_path / "authorities.pem")
    own = write_pair(tmp_path, authority.client(), "own")
    other = write_pair(tmp_path, foreign.client(), "other")

    def work(port):
        for client in (None, other):
            with pytest.raises((ssl.SSLError, OSError)):
                status(port, authority, client)
        return status(port, authority, own)

    assert with_listener(files, work) == 404
