"""A bar shows the rows that were written to a file, on a terminal only."""

import os
import pty
import sys
from pathlib import Path

import pytest

from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.row_progress import row_progress


def shown(monkeypatch, output: Path | None) -> str:
    """What is written to a terminal while two of two loans are written."""
    reading, writing = pty.openpty()
    with os.fdopen(writing, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with row_progress("loans", 2, Layout(Format.CSV, output, wide=False)) as advance:
            advance(2)
        terminal.write("end")
        terminal.flush()
        text = ""
        while not text.endswith("end"):
            text += os.read(reading, 65_536).decode()
    os.close(reading)
    return text


def test_the_rows_of_a_file_are_counted_on_a_terminal(monkeypatch, tmp_path):
    monkeypatch.setenv("TERM", "xterm")

    assert "2/2" in shown(monkeypatch, tmp_path / "loans.csv")


def test_rows_that_are_printed_have_no_bar(monkeypatch):
    assert shown(monkeypatch, None) == "end"


@pytest.mark.parametrize("output", [None, Path("loans.csv")])
def test_a_pipe_has_no_bar(output, capfd):
    with row_progress("loans", 2, Layout(Format.CSV, output, wide=False)) as advance:
        advance(2)

    assert capfd.readouterr() == ("", "")
