"""Generates the Python stubs and the descriptor set of the contract into ``collateral_registry/v1``.

``python .ci/stubs.py`` runs in an environment with the packages of ``.ci/requirements-build.lock``. Everything that the
contract imports is in ``protos``; ``python .ci/stubs.py vendor`` copies it there from the installed packages.
"""

import shutil
import sys
from pathlib import Path
from shutil import which

import grpc_tools
from google.type import money_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = "collateral_registry/v1"
DESCRIPTORS = "descriptors.binpb"
"""FileDescriptorSet of the contract with its imports and comments, next to the stubs."""

COMMON = Path(money_pb2.__file__).parents[2]
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
ERRORS = ("google/rpc/code.proto", "google/rpc/error_details.proto", "google/rpc/status.proto")
"""Messages of errors, which the contract does not import but its clients read."""

VENDORED = {
    **dict.fromkeys((*ERRORS, "google/api/field_behavior.proto", "google/api/resource.proto"), COMMON),
    **dict.fromkeys((f"google/type/{name}.proto" for name in ("date", "decimal", "money")), COMMON),
    **dict.fromkeys(
        (f"google/protobuf/{name}.proto" for name in ("any", "descriptor", "duration", "field_mask", "timestamp")),
        WELL_KNOWN,
    ),
}
"""Imported files, and the folders of the installed packages that they are copied from."""


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
    contract = [str(proto) for proto in sorted((PROTOS / PACKAGE).glob("*.proto"))]
    stubs = [f"--python_out={root}", f"--grpc_python_out={root}", f"--mypy_out=quiet:{root}", *contract]
    _compile(f"--plugin=protoc-gen-mypy={plugin}", *stubs)
    _compile(
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={folder / DESCRIPTORS}",
        *contract,
        *(str(PROTOS / name) for name in ERRORS),
    )
    (folder / "__init__.py").touch()


def _compile(*arguments: str) -> None:
    code = protoc.main(["protoc", f"-I{PROTOS}", *arguments])
    if code != 0:
        raise SystemExit(f"protos: protoc ended with code {code}")


def vendor() -> None:
    """Replaces the imported files in ``protos`` by those of the installed packages."""
    for name, source in VENDORED.items():
        (PROTOS / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, PROTOS / name)


if __name__ == "__main__":
    if sys.argv[1:] == ["vendor"]:
        vendor()
    generate(ROOT)
