"""Help fits 80 columns, is not cut, and explains every option."""

import io
from contextlib import redirect_stdout

import pytest

from tests.cli.test_terminal import leaves
from tests.support.terminal import COMMAND

PATHS = sorted({"", *leaves(), *(path.rpartition(" ")[0] for path in leaves())})


def help_of(path: str) -> str:
    """Returns what ``--help`` prints at 80 columns."""
    text = io.StringIO()
    with redirect_stdout(text):
        COMMAND.main([*path.split(), "--help"], prog_name="collateral", standalone_mode=False, terminal_width=80)
    return text.getvalue()


@pytest.mark.parametrize("path", PATHS)
def test_help_fits_80_columns_and_is_not_cut(path):
    text = help_of(path)

    assert max(map(len, text.splitlines())) <= 80, text
    assert "..." not in text.partition("Commands:")[2], text


@pytest.mark.parametrize("path", sorted(leaves()))
def test_every_option_is_explained(path):
    for parameter in leaves()[path].params:
        assert getattr(parameter, "help", None), (path, parameter.name)
