"""A channel to the server, and plain sentences for what goes wrong on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import typer
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

EXIT_SOME_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4
EXIT_INTERRUPTED = 130

DETAILS_KEY = "grpc-status-details-bin"
MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
ATTEMPTS = 5
RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": ATTEMPTS,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def open_channel(server: str) -> grpc.Channel:
    """A channel that tries again while the server cannot be reached."""
    options = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
        ("grpc.service_config", json.dumps(RETRY)),
        ("grpc.enable_retries", 1),
    ]
    return grpc.insecure_channel(server, options=options)


@contextmanager
def session(server: str) -> Iterator[grpc.Channel]:
    """A channel for one command; errors end it with a sentence and an exit code."""
    try:
        with open_channel(server) as channel:
            yield channel
    except grpc.RpcError as error:
        raise typer.Exit(complain(error, server)) from None
    except ValueError as error:
        say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def say(sentence: str) -> None:
    """Tells what went wrong, apart from the output."""
    print(f"collateral: {sentence}", file=sys.stderr)  # noqa: T201 - the command line speaks


def tell(text: str, *, aside: bool = False) -> None:
    """Prints a line of the result, or one aside from it."""
    print(text, file=sys.stderr if aside else sys.stdout)


def complain(error: grpc.RpcError, server: str) -> int:
    """Prints what went wrong and returns the exit code."""
    if error.code() == grpc.StatusCode.UNAVAILABLE and not _details(error):
        say(f"no server answers at {server}; start one with: collateral serve")
        return EXIT_UNREACHABLE
    say(sentence(error))
    return EXIT_REFUSED


def sentence(error: grpc.RpcError) -> str:
    """What the server said: its sentence, the fields it names, its reason and what it says of it."""
    said = error.details() or f"the server failed with {error.code().name}"
    for detail in _details(error):
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(bad):
            said += "".join(f"; {one.description}" for one in bad.field_violations if one.description not in said)
        elif detail.Unpack(info) and info.reason:
            facts = [f"{key} {value}" for key, value in sorted(info.metadata.items()) if value not in said]
            said += f" [{', '.join([info.reason, *facts])}]"
    return said


def _details(error: grpc.RpcError) -> list[ErrorInfo | BadRequest]:
    """The details of a status that our server made; none when nobody of ours answered."""
    trailing: dict[str, bytes] = dict(error.trailing_metadata() or ())
    return list(Status.FromString(trailing[DETAILS_KEY]).details) if DETAILS_KEY in trailing else []
