"""The notebook in the documentation runs on a book, and is stored without results."""

import json
import re

import nbformat
from nbclient import NotebookClient

from tests.support.server import repository

PATH = repository() / "docs" / "notebook.ipynb"
CELLS_SECONDS = 120


def test_every_cell_of_the_notebook_runs(running, monkeypatch, tmp_path):
    monkeypatch.setenv("COLLATERAL_SERVER", running.address)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(PATH, as_version=4)

    NotebookClient(notebook, timeout=CELLS_SECONDS, kernel_name="python3").execute()

    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert all(shown), "every cell shows something"
    (called,) = [output.data["text/plain"] for output in shown[2]]
    assert "loan-1" in called
    assert "LIQUIDATION" in called


def test_the_notebook_shows_a_book_in_ten_cells_and_is_stored_without_results():
    cells = [cell for cell in json.loads(PATH.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]

    assert len(cells) == 10
    assert [cell["outputs"] for cell in cells] == [[]] * 10
    assert {cell["execution_count"] for cell in cells} == {None}


def test_the_notebook_names_no_path_of_a_machine():
    text = PATH.read_text(encoding="utf-8")

    assert not re.search(r"[\s\"'](/[a-z]+/|[A-Z]:\\)", text)
