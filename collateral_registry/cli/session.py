"""A channel to the server, and plain sentences for what goes wrong on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import typer

EXIT_SOME_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4

MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
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
        print(f"collateral: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks
        raise typer.Exit(EXIT_USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def complain(error: grpc.RpcError, server: str) -> int:
    """Prints what went wrong and returns the exit code."""
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        print(f"collateral: no server answers at {server}; start one with: collateral serve", file=sys.stderr)  # noqa: T201
        return EXIT_UNREACHABLE
    print(f"collateral: {error.details()}", file=sys.stderr)  # noqa: T201
    return EXIT_REFUSED
