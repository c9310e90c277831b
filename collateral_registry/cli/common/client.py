"""Opens a channel to the server for one command; turns errors into a message and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from collateral_partner.access.connection import current_connection
from collateral_partner.channel import channel_to
from collateral_partner.stream import status_of
from collateral_partner.terminal import error_text, shown

EXIT_SOME_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4
EXIT_TEMPORARY = 5
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

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
    """Returns a channel that repeats calls while the server is unreachable or refuses them for now.

    It uses the options of the connection, or the environment. Raises ValueError or OSError for unusable credentials.
    """
    options = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
        ("grpc.service_config", json.dumps(RETRY)),
        ("grpc.enable_retries", 1),
    ]
    return channel_to(server, current_connection(), options)


@contextmanager
def session(server: str) -> Iterator[grpc.Channel]:
    """Yields a channel for one command; prints an error and ends the command with the corresponding exit code."""
    try:
        with open_channel(server) as channel:
            yield channel
    except grpc.RpcError as error:
        raise typer.Exit(report_rpc_error(error, server)) from None
    except BrokenPipeError:
        raise typer.Exit(close_broken_pipe()) from None
    except OSError as error:
        print_error(os_error_text(error))
        raise typer.Exit(EXIT_USAGE) from None
    except ValueError as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    except KeyboardInterrupt:
        print_error("interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def close_broken_pipe() -> int:
    """Discards further output, because the reader of standard output ended; returns the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE


def os_error_text(error: OSError) -> str:
    """Returns an error of the operating system as ``path: reason``."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def print_error(message: str) -> None:
    """Prints an error message to standard error."""
    typer.echo(shown(f"collateral: {message}"), err=True)


def print_line(text: str, *, to_stderr: bool = False) -> None:
    """Prints a line to standard output, or to standard error."""
    typer.echo(shown(text), err=to_stderr)


def print_message(message: Message) -> None:
    """Prints a message as JSON with the field names of the contract."""
    print_line(json.dumps(MessageToDict(message, preserving_proto_field_name=True), indent=1, ensure_ascii=False))


def report_rpc_error(error: grpc.RpcError, server: str) -> int:
    """Prints the message of a failed call and returns the exit code."""
    if error.code() == grpc.StatusCode.UNAVAILABLE and not status_of(error).details:
        print_error(f"cannot reach a server at {server}; start one with: collateral serve")
        return EXIT_UNREACHABLE
    print_error(error_text(error))
    return EXIT_REFUSED
