"""The versions of program, contract and schema."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules

from collateral_registry import v1
from collateral_registry.store.engine.migrate import newest_version

DISTRIBUTION = "collateral"


@dataclass(frozen=True)
class Versions:
    """Versions of this program: its own, the package and the digest of its contract, and its database schema."""

    program: str
    contract_package: str
    contract_digest: str
    schema: str


@cache
def versions() -> Versions:
    """Returns the versions of the installed program."""
    return Versions(version(DISTRIBUTION), v1.__name__, contract_digest(), newest_version())


def contract_digest() -> str:
    """Returns the SHA-256 of the file descriptors of the contract, in the order of their names."""
    modules = [import_module(f"{v1.__name__}.{one.name}") for one in iter_modules(v1.__path__)]
    files = {one.DESCRIPTOR.name: one.DESCRIPTOR.serialized_pb for one in modules if hasattr(one, "DESCRIPTOR")}
    return "sha256:" + hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
