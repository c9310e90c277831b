"""The HTTP server listens on this machine only, ends with the service, and works with several processes."""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack

import pytest

from collateral_registry.bootstrap import check_access
from collateral_registry.cli.server.settings import settings_from
from collateral_registry.web.server import HttpServer
from tests.support.authority import Authority, access_file, write_pair
from tests.support.http import post
from tests.support.postgres import wait_until
from tests.support.server import Server, free_port

DATE = "BusinessDateService/GetBusinessDate"


@pytest.mark.parametrize("address", ["0.0.0.0:50080", "[::]:50080", "collateral.example:50080"])
def test_an_address_that_other_machines_reach_needs_tls_and_identities(address, tmp_path):
    plain = settings_from("", "", "", http_address=address)
    with pytest.raises(ValueError, match=r"http_address: got .* without TLS, want a loopback address such as"):
        plain.check_transport()
    certificate, key = write_pair(tmp_path, Authority().server())
    with_tls = plain.model_copy(update={"tls_certificate_file": certificate, "tls_key_file": key})
    (tmp_path / "none.json").write_text("{}")
    for partners in (None, tmp_path / "none.json"):
        with pytest.raises(ValueError, match=r"http_address: got .* without identities, want a loopback address"):
            check_access(with_tls.model_copy(update={"partners_file": partners}))
    check_access(with_tls.model_copy(update={"access_file": access_file(tmp_path)}))


@pytest.mark.parametrize("address", ["50080", "localhost:x"])
def test_an_address_without_a_port_is_refused(address):
    with pytest.raises(ValueError, match=r"http_address: .*, want host:port such as"):
        settings_from("", "", "", http_address=address)


@pytest.mark.parametrize("address", ["", "127.0.0.1:50080", "[::1]:50080", "localhost:0"])
def test_addresses_of_this_machine_are_accepted(address):
    check_access(settings_from("", "", "", http_address=address))


@pytest.mark.slow
def test_a_stopping_server_answers_the_call_that_it_has_begun(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", options=["--http-address", address]).start()
    host, port = address.split(":")
    head = ("host: localhost", "content-type: application/json", "content-length: 2", "connection: close", "", "{")
    with socket.create_connection((host, int(port)), timeout=20) as begun:
        begun.sendall("\r\n".join([f"POST /v1/{DATE} HTTP/1.1", *head]).encode())
        assert post(address, DATE, {}).status == 200
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: "draining" in server.said)
        begun.sendall(b"}")
        answer = b"".join(iter(lambda: begun.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(20) == 0


def test_several_processes_share_the_port_and_others_do_not():
    async def listen(*, shares_port: bool) -> None:
        address = f"127.0.0.1:{free_port()}"
        async with AsyncExitStack() as started:
            for _ in range(2):
                server = HttpServer(1024, 1.0, shares_port=shares_port)
                await server.start(address)
                started.push_async_callback(server.drain)

    asyncio.run(listen(shares_port=True))
    with pytest.raises(OSError, match=r"http_address: got .* .Address already in use."):
        asyncio.run(listen(shares_port=False))
