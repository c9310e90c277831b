"""Generates the modules of collateral_partner whose source is elsewhere in the repository.

``v1`` holds the stubs of the protocols of stock and of invoices, generated from ``protos``. ``tables`` is a copy of
``valuation/tables``, which reads files and needs the standard library only. In both, imports are rewritten to this
package, so that the partner's installation needs no other package of the repository. ``python
deploy/partner/hatch_build.py`` generates them in place; building a wheel or an editable installation does the same.
"""

from __future__ import annotations

import re
import shutil
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc_tools
from grpc_tools import protoc
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PROTOS = REPOSITORY / "protos"
CONTRACT = "collateral_registry/v1"
SERVICES = ("stock.proto", "invoice_feed.proto")
"""The files of the protocols of feeds; the files that they import are generated too."""

IMPORT = re.compile(rf'^import (?:public )?"{CONTRACT}/(\w+\.proto)";', re.MULTILINE)
REWRITES = (
    ("collateral_registry.v1", "collateral_partner.v1"),
    ("valuation.tables", "collateral_partner.tables"),
    ("valuation.errors", "collateral_partner.tables.errors"),
)


class PartnerHook(BuildHookInterface[Any]):
    """Generates the modules before a build in the repository; a source distribution already contains them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generates the modules; does nothing outside the repository."""
        if (PROTOS / CONTRACT / SERVICES[0]).is_file():
            generate(HERE / "collateral_partner")


def generate(package: Path) -> None:
    """Writes the packages ``v1`` and ``tables`` into the package; raises RuntimeError if protoc fails."""
    with TemporaryDirectory() as folder:
        _compile_protos(Path(folder))
        _replace(package / "v1", Path(folder) / CONTRACT)
    tables = REPOSITORY / "valuation/tables"
    _replace(package / "tables", tables)
    _rewrite(REPOSITORY / "valuation/errors.py", package / "tables/errors.py")


def _compile_protos(folder: Path) -> None:
    """Generates the stubs into a folder; the names in their descriptors stay those of the contract."""
    includes = (PROTOS, Path(sysconfig.get_path("purelib")), Path(grpc_tools.__file__).parent / "_proto")
    names = [f"{CONTRACT}/{name}" for name in _with_imports(SERVICES)]
    common = ["protoc", *(f"-I{path}" for path in includes), f"--python_out={folder}", f"--pyi_out={folder}"]
    service = [*common, f"--grpc_python_out={folder}", *(f"{CONTRACT}/{name}" for name in SERVICES)]
    if protoc.main([*common, *names]) or protoc.main(service):
        raise RuntimeError(f"protos: protoc failed for {', '.join(names)}")
    (folder / CONTRACT / "__init__.py").write_text('"""Stubs of the protocols of feeds."""\n')


def _with_imports(names: Iterable[str]) -> list[str]:
    """Returns files of the contract and those that they import, directly or not."""
    found, pending = [*names], [*names]
    while pending:
        text = (PROTOS / CONTRACT / pending.pop()).read_text(encoding="utf-8")
        new = [other for other in IMPORT.findall(text) if other not in found]
        found += new
        pending += new
    return found


def _replace(target: Path, source: Path) -> None:
    """Replaces a package by the modules of another one with rewritten imports."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted([*source.glob("*.py"), *source.glob("*.pyi")]):
        _rewrite(path, target / path.name)


def _rewrite(source: Path, target: Path) -> None:
    text = source.read_text(encoding="utf-8")
    for old, new in REWRITES:
        text = re.sub(rf"\b(from|import) {re.escape(old)}\b", rf"\1 {new}", text)
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    generate(HERE / "collateral_partner")
