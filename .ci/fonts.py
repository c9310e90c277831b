"""Makes the fonts of the PDF reports in collateral_registry/exports/fonts.

``python .ci/fonts.py`` needs the packages fonttools and brotli, which the service does not need, and Debian's
fonts-noto-cjk. It writes the same bytes for the same versions of them.

- The Latin fonts are those of the pages in the form that Typst reads.
- The Chinese font is a subset of Noto Sans CJK SC: GB 2312, and further Latin letters, signs and shapes.
  It has no hints and no features of layout.
- ``characters.txt`` lists the characters that one of the fonts has, in order.
"""

import argparse
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "collateral_registry" / "web" / "pages" / "static" / "fonts"
FONTS = ROOT / "collateral_registry" / "exports" / "fonts"
NOTO = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
FAMILY = "Noto Sans CJK SC"

LATIN = ("source-sans-3-latin-wght-normal", "source-serif-4-latin-wght-normal")
FURTHER = [(0x00A0, 0x0250), (0x0370, 0x0530), (0x1E00, 0x1F00), (0x2010, 0x2070), (0x20A0, 0x20C0)]
FURTHER += [(0x2100, 0x2300), (0x25A0, 0x2600), (0x3000, 0x3040), (0xFF00, 0xFFF0)]
"""Ranges of which the Chinese font has a few characters: Latin, Greek, Cyrillic, signs and shapes."""


def gb2312() -> set[int]:
    """Returns the characters of GB 2312."""
    pairs = (bytes([row, cell]) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    return {ord(pair.decode("gb2312")) for pair in pairs if pair.decode("gb2312", "ignore")}


def main() -> None:
    """Writes the fonts and the list of their characters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    characters: set[int] = set()
    for name in LATIN:
        font = TTFont(PAGES / f"{name}.woff2", recalcTimestamp=False)
        font.flavor = None
        font.save(FONTS / f"{name.partition('-latin')[0]}.ttf")
        characters |= set(font.getBestCmap())
    font = next(one for one in TTCollection(NOTO).fonts if one["name"].getDebugName(1) == FAMILY)
    options = Options(hinting=False, layout_features=[], drop_tables=["BASE", "VORG", "vhea", "vmtx"])
    subsetter = Subsetter(options)
    wanted = gb2312() | set(range(0x20, 0x7F)) | {one for first, end in FURTHER for one in range(first, end)}
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.recalcTimestamp = False
    font.save(FONTS / "noto-sans-cjk-sc-gb2312.otf")
    characters |= set(font.getBestCmap())
    shown = "".join(chr(one) for one in sorted(characters) if chr(one).isprintable())
    (FONTS / "characters.txt").write_text(shown, encoding="utf-8")
    print(f"{len(shown):,} characters, {sum(path.stat().st_size for path in FONTS.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
