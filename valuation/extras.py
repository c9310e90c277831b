"""Imports packages that belong to an optional extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from valuation.errors import MissingExtra


def extra_module(extra: str, module: str) -> ModuleType:
    """Returns a module of a package that an extra installs; raises MissingExtra naming the extra."""
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == package:
            raise MissingExtra(extra, package) from None
        raise
