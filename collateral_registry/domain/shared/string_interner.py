"""Assigns numbers to distinct strings, so that columns of strings are stored as columns of integers."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

import numpy as np

from valuation._typing import Int, Texts


def codes_of(texts: Texts) -> tuple[list[str], Int]:
    """Returns the distinct strings in order of appearance, and the position of each row's string [n] among them."""
    listed = texts.tolist()
    number = {text: place for place, text in enumerate(dict.fromkeys(listed))}
    return list(number), np.fromiter(map(number.__getitem__, listed), np.int64, len(listed))


class StringInterner:
    """Distinct strings, each with a permanent number, which is its position in ``texts``.

    Strings are only appended, so other threads may read the numbers and ``texts`` without a lock.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self.texts)}
        self._append_lock = Lock()
        self._ranks = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def number_of(self, text: str) -> int:
        """Returns the number of a string; -1 if it has none."""
        return self._numbers.get(text, -1)

    def ranks(self) -> Int:
        """Returns the rank of each string when all are sorted by code points."""
        found, count = self._ranks, len(self.texts)
        if len(found) < count:
            found = np.empty(count, dtype=np.int64)
            found[sorted(range(count), key=self.texts.__getitem__)] = np.arange(count, dtype=np.int64)
            self._ranks = found
        return found

    def numbers(self, texts: Texts) -> Int:
        """Returns the number of each string [n], and assigns numbers to new strings."""
        distinct, place = codes_of(texts)
        with self._append_lock:
            for text in distinct:
                if text not in self._numbers:
                    self._numbers[text] = len(self.texts)
                    self.texts.append(text)
        return np.array([self._numbers[text] for text in distinct], dtype=np.int64)[place]
