"""Generates the Python stubs of the contract into ``collateral_registry/v1``.

``python .ci/stubs.py`` runs in an environment with the packages of ``.ci/requirements-build.lock``.
"""

import sys
from pathlib import Path
from shutil import which

import grpc_tools
from google.type import money_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = "collateral_registry/v1"
IMPORTED = (Path(money_pb2.__file__).parents[2], Path(grpc_tools.__file__).parent / "_proto")
"""Folders of the imported proto files: those of googleapis-common-protos, and those that come with protoc."""


def generate(root: Path) -> None:
    """Generates messages, services and their types below ``root``, and deletes the stubs of removed proto files.

    Raises SystemExit with the cause if the contract cannot be compiled.
    """
    folder = root / PACKAGE
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*_pb2*"):
        old.unlink()
    plugin = which("protoc-gen-mypy", path=str(Path(sys.executable).parent)) or which("protoc-gen-mypy")
    if plugin is None:
        raise SystemExit("protoc-gen-mypy: got no such program, want the package mypy-protobuf")
    code = protoc.main(
        [
            "protoc",
            *(f"-I{folder}" for folder in (PROTOS, *IMPORTED)),
            f"--plugin=protoc-gen-mypy={plugin}",
            f"--python_out={root}",
            f"--grpc_python_out={root}",
            f"--mypy_out=quiet:{root}",
            *(str(proto) for proto in sorted((PROTOS / PACKAGE).glob("*.proto"))),
        ]
    )
    if code != 0:
        raise SystemExit(f"protos: protoc ended with code {code}")
    (folder / "__init__.py").touch()


if __name__ == "__main__":
    generate(ROOT)
