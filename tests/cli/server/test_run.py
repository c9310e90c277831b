"""``collateral run`` on a terminal and in a pipe: progress, addresses, commands to try, and the end by Ctrl-C."""

import fcntl
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from collateral_registry.v1 import business_date_pb2
from tests.support.launch import run
from tests.support.server import Server, connected, free_port

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def late_book(sample_file, tmp_path_factory):
    """The sample book on its last business date but two."""
    path = Path(shutil.copy(sample_file, tmp_path_factory.mktemp("late")))
    server = Server(f"sqlite:///{path}").start()
    found = run("sample", "replay", "--from", "2022-12-28", "--until", "2022-12-28", "--server", server.address)
    server.stop()
    assert found.returncode == 0, found.stderr
    return path


class Terminal:
    """A command on a terminal of 80 columns."""

    def __init__(self, *arguments):
        self.shown = ""
        self._device, side = pty.openpty()
        fcntl.ioctl(self._device, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        self._process = subprocess.Popen([COLLATERAL, *arguments], stdin=side, stdout=side, stderr=side)
        os.close(side)

    def wait_for(self, text):
        """Reads until the text is shown."""
        deadline = time.monotonic() + 120
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown[-2000:]
            self.shown += CONTROL_SEQUENCE.sub("", os.read(self._device, 65_536).decode(errors="replace"))

    def interrupt(self):
        """Sends the signal of Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def exit_code(self):
        """Waits for the end of the command."""
        return self._process.wait(30)


def test_run_replays_with_a_bar_and_then_shows_addresses_and_commands_that_work(late_book):
    address, http = (f"127.0.0.1:{free_port()}" for _ in range(2))
    terminal = Terminal("run", "--address", address, "--http-address", http, "--database", f"sqlite:///{late_book}")
    terminal.wait_for("Ctrl-C stops the server")
    with urlopen(f"http://{http}/", timeout=60) as answer:
        page = answer.read().decode()
    commands = [line.strip() for line in terminal.shown.splitlines() if line.startswith("  ") and "collateral" in line]
    tried = [subprocess.run(shlex.split(one), capture_output=True, timeout=60, check=False) for one in commands]
    terminal.interrupt()
    terminal.wait_for("Stopped.")

    assert terminal.exit_code() == 0
    assert "business date 2022-12-30" in terminal.shown
    assert "2/2" in terminal.shown
    assert "revalued" not in terminal.shown, "the log is in a file"
    assert "revalued" in late_book.with_suffix(".log").read_text()
    assert f"pages      http://{http}/" in terminal.shown
    assert "loans</strong>" in page
    assert f"gRPC       {address}" in terminal.shown
    assert [one.returncode for one in tried] == [0, 0, 0], tried


def test_a_second_run_replays_nothing_and_prints_the_report(late_book):
    """The first run of this module has replayed the last two days."""
    arguments = ("run", "--address", f"127.0.0.1:{free_port()}", "--database", f"sqlite:///{late_book}")
    first = run(*arguments, "--exit-after-replay")
    before = commits(late_book)
    again = run(*arguments, "--exit-after-replay")

    assert (first.returncode, again.returncode) == (0, 0)
    assert commits(late_book) == before
    assert again.stderr == ""
    assert "loan-terra-dig" in again.stdout
    assert "Replaying" not in again.stdout


def commits(path):
    """Returns the number of the newest commit of a book."""
    server = Server(f"sqlite:///{path}").start()
    with connected(server) as client:
        sequence = client.dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).sequence
    server.stop()
    return sequence


def test_in_a_pipe_the_progress_is_one_line_a_month(sample_file, tmp_path):
    path = Path(shutil.copy(sample_file, tmp_path))
    server = Server(f"sqlite:///{path}").start()
    found = run("sample", "replay", "--until", "2022-01-04", "--server", server.address)
    server.stop()

    assert found.stderr.splitlines() == ["replayed 2022-01-03: 1 of 2 days", "replayed 2022-01-04: 2 of 2 days"]


def test_the_sample_is_not_loaded_into_a_book_of_today(tmp_path):
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", "wall").start()
    found = run("sample", "load", "--server", server.address)
    server.stop()

    assert found.returncode != 0
    assert "--business-date 2021-12-31" in found.stderr
