"""Prints the folder in which the google common protos are installed."""

from importlib.util import find_spec
from pathlib import Path

spec = find_spec("google.type.money_pb2")
if spec is None or spec.origin is None:
    raise SystemExit("googleapis-common-protos is not installed")
print(Path(spec.origin).parents[2])  # noqa: T201 - a program for the Makefile
