"""Typesets PDF by Typst: PDF/A-2b and PDF/UA-1, with the fonts of this package only, and the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import typst

REPLACEMENT = "\u25a1"
"""Stands for a character that the fonts lack: a square."""

REGIONS = {"zh": "CN"}
"""Regions of languages whose script depends on them."""


def typeset(template: str, data: Mapping[str, object], dated: date, out: Path) -> None:
    """Writes a PDF from a template of this package, whose values are data and never code.

    Raises RuntimeError if Typst cannot.
    """
    with TemporaryDirectory(dir=out.parent) as folder, as_file(files(__package__)) as package:
        Path(folder, "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(package / "fonts")]
        )
        compiler = typst.Compiler(
            input=(package / "templates" / template).read_bytes(), root=folder, font_paths=fonts,
            ignore_system_fonts=True, package_path=folder, package_cache_path=folder,
        )  # fmt: skip
        moment = datetime.combine(dated, time(), UTC)
        compiler.compile(output=str(out), format="pdf", pdf_standards=["a-2b", "ua-1"], timestamp=moment)


def dated_values(dated: date) -> dict[str, int]:
    """Returns a day as a template takes it."""
    return {"year": dated.year, "month": dated.month, "day": dated.day, "hour": 0, "minute": 0, "second": 0}


@cache
def characters() -> frozenset[str]:
    """Returns the characters that the fonts have."""
    return frozenset(files(__package__).joinpath("fonts", "characters.txt").read_text("utf-8"))


def printable(text: str) -> str:
    """Returns a text on one line, with a square for each character that the fonts lack."""
    known = characters()
    return "".join(one if one in known else REPLACEMENT for one in " ".join(text.split()))


def is_printable(text: str) -> bool:
    """Returns whether the fonts have all characters of a text."""
    return characters().issuperset("".join(text.split()))
