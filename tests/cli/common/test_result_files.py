"""Every CSV that the program writes."""

import csv
import io
from pathlib import Path

import collateral_registry
from collateral_registry.cli.common.result_files import write_rows
from collateral_registry.exports.cells import CsvWriter

TEXTS = ["=1+1", "'=1+1", "''@x", "'t Hart BV", "+49 30 1", "a;b\n,c", "-", ""]


def restored(cell: str) -> str:
    """The text of a cell, by the rule of docs/commands.md."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'")[:1] in set("=+-@\t\r\n") else cell


def test_a_reader_restores_every_text_and_every_number():
    file = io.StringIO()
    CsvWriter(file).write([*TEXTS, -1.5, -2, None])
    (cells,) = csv.reader(io.StringIO(file.getvalue()))

    assert [restored(cell) for cell in cells[:-3]] == [*TEXTS[:-1], ""]
    assert cells[-3:] == ["-1.5", "-2", ""]
    assert not any(cell[:1] in set("=+@") for cell in cells)


def test_result_files_keep_numbers_and_escape_names(tmp_path):
    write_rows(tmp_path / "a.csv", ("series", "move"), [("=cmd|x", -0.25), ("-zinc", float("nan"))])
    assert (tmp_path / "a.csv").read_text() == "series,move\n'=cmd|x,-0.25\n'-zinc,\n"


def test_the_program_writes_csv_in_one_place():
    package = Path(collateral_registry.__file__).parent
    texts = {path.name: path.read_text() for path in package.rglob("*.py")}
    assert [name for name, text in texts.items() if "csv.writer(" in text or "DictWriter(" in text] == ["cells.py"]
