"""Sample files of a warehouse with their mappings, and the function that writes them into a folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from collateral_partner.terminal import print_line

SAMPLES = ("movements.csv", "mapping.toml", "movements.zh.csv", "mapping.zh.toml")


def write_samples(folder: Path) -> int:
    """Writes the samples, states where, and returns the exit code; files of the same names are not overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        path = folder / name
        if path.exists():
            print_line(f"kept {path}, which exists")
            continue
        path.write_bytes((files("collateral_partner.sample") / name).read_bytes())
        print_line(f"wrote {path}")
    return 0
