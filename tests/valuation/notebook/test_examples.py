"""``import valuation`` shows its public functions, each with an example that runs."""

import doctest
import inspect
import pydoc
import subprocess
import sys
from importlib.metadata import version

import pytest

import valuation

FUNCTIONS = [name for name in valuation.__all__ if inspect.isfunction(getattr(valuation, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_every_public_function_runs(name):
    function = getattr(valuation, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})

    assert example.examples, "a public function has an example"
    results = doctest.DocTestRunner().run(example)
    assert not results.failed


def test_dir_and_help_show_the_public_functions():
    shown = pydoc.plain(pydoc.render_doc(valuation))

    assert dir(valuation) == sorted([*valuation.__all__, "__version__"])
    assert len(FUNCTIONS) == 8
    for name in FUNCTIONS:
        assert f"    {name}(" in shown
    assert valuation.__version__ == version("collateral")


@pytest.mark.slow
def test_importing_the_library_imports_neither_numpy_nor_data_frames():
    program = "import sys, valuation; print({'numpy', 'scipy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
