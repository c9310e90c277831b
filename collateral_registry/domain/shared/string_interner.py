"""Texts as numbers: each distinct text has one for ever, so that columns of texts are columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

import numpy as np

from valuation._typing import Int, Texts


def codes_of(texts: Texts) -> tuple[list[str], Int]:
    """The distinct texts in the order they appear, and the number of each row [n] among them."""
    listed = texts.tolist()
    number = {text: place for place, text in enumerate(dict.fromkeys(listed))}
    return list(number), np.fromiter(map(number.__getitem__, listed), np.int64, len(listed))


class StringInterner:
    """Distinct texts in the order they came; it only grows, so a number once given holds, also for other threads."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Knows the texts given."""
        self.texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self.texts)}
        self._growing = Lock()

    def __len__(self) -> int:
        return len(self.texts)

    def number_of(self, text: str) -> int:
        """The number of a text; -1 for one never seen."""
        return self._numbers.get(text, -1)

    def numbers(self, texts: Texts) -> Int:
        """The number of each text [n]; new ones get theirs."""
        distinct, place = codes_of(texts)
        with self._growing:
            for text in distinct:
                if text not in self._numbers:
                    self._numbers[text] = len(self.texts)
                    self.texts.append(text)
        return np.array([self._numbers[text] for text in distinct], dtype=np.int64)[place]
