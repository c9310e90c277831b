"""Draws the picture of the README: the breaches of the sample book, as a terminal of 80 columns shows them.

``python -m benchmarks.draw_report FILE.svg`` reads from the server of ``make run`` after the replay.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 80, 25
ARGUMENTS = ("report", "ltv", "--as-of", "2022-07-13", "--filter", "level >= MARGIN_CALL")
SHOWN = "collateral report ltv --as-of 2022-07-13 --filter 'level >= MARGIN_CALL'"
"""The command as a person types it."""


def on_terminal(command: list[str]) -> str:
    """Returns what a command prints on a terminal, with its styles. Raises CalledProcessError if it fails."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(command, stdout=writing, env={**os.environ, "TERM": "xterm-256color"}) as process:
        os.close(writing)
        received = []
        try:
            while data := os.read(reading, 65_536):
                received.append(data)
        except OSError:
            os.close(reading)  # the system reports the end of the other side as an error
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return b"".join(received).decode().replace("\r\n", "\n")


def main(path: Path) -> None:
    """Writes the picture."""
    printed = on_terminal([sys.executable, "-m", "collateral_registry", *ARGUMENTS])
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed.rstrip()), highlight=False)
    console.save_svg(str(path), title=SHOWN, unique_id="report")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
