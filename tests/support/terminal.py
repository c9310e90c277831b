"""Commands on a pseudo-terminal, in this process."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

import typer

from collateral_registry.cli.main import app

ROWS = 50
COMMAND = typer.main.get_command(app)
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Printed:
    """The exit code of a command and the lines on its terminal, without styles and spaces at the end."""

    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def on_terminal(width: int, *arguments: str) -> Printed:
    """Runs a command whose standard output is a terminal of so many columns."""
    received: list[bytes] = []
    with _terminal(width, received):
        try:
            code = COMMAND.main(list(arguments), prog_name="collateral", standalone_mode=False)
        except SystemExit as ended:
            code = ended.code
    lines = STYLE.sub("", b"".join(received).decode()).splitlines()
    return Printed(int(code or 0), [line.rstrip() for line in lines])


@contextmanager
def _terminal(width: int, received: list[bytes]) -> Iterator[None]:
    """Redirects standard output to a terminal; what is written to it is appended to ``received``."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, width, 0, 0))
    reader = threading.Thread(target=_read, args=(reading, received))
    reader.start()
    with os.fdopen(writing, "w", encoding="utf-8") as stream, redirect_stdout(stream):
        yield
    reader.join()
    os.close(reading)


def _read(descriptor: int, received: list[bytes]) -> None:
    """Reads until the other side is closed, which the system reports as an error."""
    try:
        while data := os.read(descriptor, 65_536):
            received.append(data)
    except OSError:
        return
