"""Numbers on papers and plates as a person may have written them: reduced, cut in halves, compared.

The *letters* of a number are what is left without case, punctuation and look-alikes; its *skeleton* leaves out leading
zeros as well. Two writings within one edit of each other share the first or the second half of their letters, so that
a book of a million is searched by two index lookups.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from rapidfuzz.distance import OSA

ONE_EDIT_LETTERS = 4
"""Shorter numbers are all within an edit of each other, and look-alikes among them are different numbers."""

LOOK_ALIKES = str.maketrans({"o": "0", "i": "1", "l": "1", "s": "5", "b": "8"})
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


class Match(IntEnum):
    """How much two writings are one number, in rising order."""

    NONE = 0
    ONE_EDIT = 1
    """A letter changed, missing, added, or two neighbours exchanged."""
    REGROUPED = 2
    """The same skeleton, but the hyphens part its digits otherwise: 1-11 and 11-1."""
    SAME = 3
    """The same number written otherwise, look-alikes included."""


@dataclass(frozen=True)
class ReferenceNumber:
    """A number as it stands on the paper."""

    text: str

    @cached_property
    def _groups(self) -> tuple[str, ...]:
        """Runs of letters and digits between punctuation, folded; digits of every script as 0 to 9."""
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", self.text).casefold())
        plain = "".join(str(unicodedata.decimal(one, one)) if one.isalnum() else " " for one in folded)
        return tuple(plain.split())

    @cached_property
    def plain(self) -> str:
        """Letters and digits without look-alikes exchanged, without leading zeros."""
        return _LEADING_ZEROS.sub("", "".join(self._groups))

    @cached_property
    def letters(self) -> str:
        """Letters and digits with look-alikes exchanged; what edits are counted in."""
        return "".join(self._groups).translate(LOOK_ALIKES)

    @cached_property
    def skeleton(self) -> str:
        """The letters without the leading zeros of each run of digits."""
        return _LEADING_ZEROS.sub("", self.letters)

    @cached_property
    def grouped(self) -> str:
        """The letters without the leading zeros of each group, groups joined by hyphens: 2022-007 is 2022-7."""
        return "-".join(_LEADING_ZEROS.sub("", group.translate(LOOK_ALIKES)) for group in self._groups)

    @property
    def head(self) -> str:
        """The first half of the letters."""
        return self.letters[: _half(len(self.letters))]

    @property
    def tail(self) -> str:
        """The second half of the letters."""
        return self.letters[_half(len(self.letters)) :]

    def heads_within_one_edit(self) -> list[str]:
        """The first halves of writings whose difference lies behind their first half, or across the middle."""
        letters, length = self.letters, len(self.letters)
        found = {letters[: _half(other)] for other in (length - 1, length, length + 1)}
        middle = _half(length)
        if 0 < middle < length:
            found.add(letters[: middle - 1] + letters[middle])
        return sorted(found)

    def tails_within_one_edit(self) -> list[str]:
        """The second halves of writings whose difference lies within their first half."""
        letters, length = self.letters, len(self.letters)
        return sorted({letters[length - (other - _half(other)) :] for other in (length - 1, length, length + 1)})

    @property
    def is_told_apart_by_one_edit(self) -> bool:
        """Whether a neighbour within one edit means anything at all."""
        return len(self.letters) >= ONE_EDIT_LETTERS

    @cached_property
    def _cuts(self) -> frozenset[int]:
        """Places in the letters where punctuation parts two digits."""
        cuts, place, letters = set(), 0, self.letters
        for group in self._groups[:-1]:
            place += len(group)
            if letters[place - 1].isdigit() and letters[place].isdigit():
                cuts.add(place)
        return frozenset(cuts)


def compare_references(one: ReferenceNumber, other: ReferenceNumber) -> Match:
    """How much two writings are one number; nothing written matches nothing."""
    if not one.letters or not other.letters:
        return Match.NONE
    if one.grouped == other.grouped or one.skeleton == other.skeleton:
        return _same_skeleton(one, other)
    longest = max(len(one.letters), len(other.letters))
    if min(len(one.letters), len(other.letters)) < ONE_EDIT_LETTERS or longest == 0:
        return Match.NONE
    return Match.ONE_EDIT if OSA.distance(one.letters, other.letters, score_cutoff=1) <= 1 else Match.NONE


def _same_skeleton(one: ReferenceNumber, other: ReferenceNumber) -> Match:
    """SAME, unless the digits are parted otherwise, or a short number is the same by look-alikes alone."""
    if one.plain != other.plain and len(one.letters) < ONE_EDIT_LETTERS:
        return Match.NONE
    if one.grouped == other.grouped or not one._cuts or not other._cuts:  # noqa: SLF001 - its own kind
        return Match.SAME
    nested = one.letters == other.letters and (one._cuts <= other._cuts or other._cuts <= one._cuts)  # noqa: SLF001
    return Match.SAME if nested else Match.REGROUPED


def _half(length: int) -> int:
    """Letters in the first half of a number of a length."""
    return (max(length, 0) + 1) // 2
