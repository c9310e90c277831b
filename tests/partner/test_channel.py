"""A call that is refused for now is repeated at the stated time, a few times."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from collateral_partner.access.connection import Connection, from_environment
from collateral_partner.channel import ATTEMPTS, repeating

WAIT_SECONDS = 0.05


def attempts_of(refused: int, code: grpc.StatusCode, wait: float) -> tuple[int, grpc.RpcError | None, float]:
    """Returns the attempts, the error and the time of a call to a server that refuses the first ones."""
    count = 0

    def answer(request, context):
        nonlocal count
        count += 1
        if count <= refused:
            status = Status(code=code.value[0], message="later")
            retry = RetryInfo()
            retry.retry_delay.FromNanoseconds(round(wait * 1e9))
            status.details.add().Pack(retry)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(code, "later")
        return request

    server = grpc.server(ThreadPoolExecutor(1))
    handler = {"Call": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", handler),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    start = time.monotonic()
    try:
        with repeating(grpc.insecure_channel(f"127.0.0.1:{port}")) as channel:
            channel.unary_unary("/s/Call")(b"x", timeout=10)
    except grpc.RpcError as error:
        return count, error, time.monotonic() - start
    finally:
        server.stop(None)
    return count, None, time.monotonic() - start


def test_a_refused_call_is_repeated_after_the_stated_time():
    count, error, seconds = attempts_of(2, grpc.StatusCode.RESOURCE_EXHAUSTED, WAIT_SECONDS)

    assert (count, error) == (3, None)
    assert seconds > 2 * WAIT_SECONDS


@pytest.mark.parametrize(
    ("code", "wait", "attempts"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, WAIT_SECONDS, ATTEMPTS),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 3_600, 1),
        (grpc.StatusCode.FAILED_PRECONDITION, WAIT_SECONDS, 1),
    ],
)
def test_a_call_is_repeated_a_few_times_and_not_after_any_other_error(code, wait, attempts):
    count, error, _ = attempts_of(100, code, wait)

    assert count == attempts
    assert error is not None
    assert error.code() is code


def test_a_server_on_another_machine_is_reached_by_tls_only(tmp_path):
    assert Connection().uses_tls("stock.lender.example:443")
    assert Connection().uses_tls("10.0.0.7:50051")
    assert not any(Connection().uses_tls(local) for local in ("127.0.0.1:50051", "[::1]:1", "localhost:1", "unix:/s"))
    assert Connection(tls_authority=tmp_path).uses_tls("127.0.0.1:50051")


@pytest.mark.parametrize("files", [{"certificate": Path("c")}, {"key": Path("k")}])
def test_a_certificate_without_its_key_is_refused(files):
    with pytest.raises(ValueError, match="certificate, key: got one of them, want both or none"):
        Connection(**files).uses_tls("10.0.0.7:50051")


def test_a_certificate_in_plain_text_is_refused():
    with pytest.raises(ValueError, match="tls-authority: got nothing, want the authorities of localhost:1"):
        Connection(certificate=Path("c"), key=Path("k")).uses_tls("localhost:1")


def test_a_token_is_read_from_its_file_or_the_environment(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("of-a-file\n")
    monkeypatch.setenv("COLLATERAL_STOCK_TOKEN", "older")

    assert Connection().token() == "older"
    monkeypatch.setenv("COLLATERAL_TOKEN", "newer")
    assert Connection().token() == "newer"
    assert Connection(token_file=tmp_path / "token").token() == "of-a-file"


def test_a_connection_of_the_environment_has_the_files_of_its_variables(monkeypatch):
    for name in ("TLS_AUTHORITY", "CERTIFICATE", "KEY", "TOKEN_FILE"):
        monkeypatch.setenv(f"COLLATERAL_{name}", name.lower())

    assert from_environment() == Connection(*map(Path, ("tls_authority", "certificate", "key", "token_file")))
