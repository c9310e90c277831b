"""Optional packages: the extras of the distribution, what each of them needs, and their import."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from valuation.errors import MissingExtra

PACKAGES: dict[str, tuple[str, ...]] = {
    "bulk": ("adbc_driver_manager", "adbc_driver_postgresql", "adbc_driver_sqlite"),
    "cluster": ("distributed",),
    "comparables": ("lightgbm",),
    "notebook": ("pandas", "polars"),
    "plots": ("matplotlib",),
    "tier2": ("arch",),
}
"""Import packages of each extra that the product uses."""


def check_installed(extra: str) -> None:
    """Raises MissingExtra if a package of an extra is not installed; imports nothing."""
    for package in PACKAGES[extra]:
        if find_spec(package) is None:
            raise MissingExtra(extra, package)


def is_installed(extra: str) -> bool:
    """Returns whether the packages of an extra are installed; imports nothing."""
    return all(find_spec(package) is not None for package in PACKAGES[extra])


def extra_module(extra: str, module: str) -> ModuleType:
    """Returns a module of a package that an extra installs.

    Raises MissingExtra if the package is not installed or cannot be loaded, for example without a library of the
    system.
    """
    package = module.partition(".")[0]
    if find_spec(package) is None:
        raise MissingExtra(extra, package)
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        raise MissingExtra(extra, package, str(error)) from None


def load(extra: str) -> None:
    """Imports the packages of an extra; raises MissingExtra as ``extra_module`` does."""
    for package in PACKAGES[extra]:
        extra_module(extra, package)
