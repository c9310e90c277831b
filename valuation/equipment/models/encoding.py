"""Machines as the numbers that trees split on: age, meter, size, what comparables say of their model, attributes.

The level of a model is a mean of prices, so a machine must not see its own price in it: while learning, each row is
encoded from the other folds, as a new machine will be encoded from all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float, Int
from valuation.equipment.models.levels import LevelMeans, level_means
from valuation.equipment.models.similar_models import Relatives, relatives_of
from valuation.equipment.sales.observations import LEVELS, Observations

WORDS_LIMIT = 60
"""Most words of an attribute that are told apart by code; of one with more, a word is the mean that its sales leave."""

RESIDUAL_LIMIT = 0.5
"""Log residuals beyond this move the mean of a word no further."""

FOLDS = 8
FOLD_SEED = 20110101

WORN = ("age", "hours")
"""Features that never raise a value as they rise."""

BETTER = ("condition",)
"""Features that never lower a value as they rise."""

NUMBERS = (
    *WORN, *BETTER, "class_size", "family_size", "generation", "series", "implied_age", *LEVELS, "family_sales",
    "model_sales", "relatives", "beyond_relatives", "log_reference",
)  # fmt: skip


@dataclass(frozen=True)
class Encoder:
    """What encoding needs to know of the sales learned from: tables by key, and words by attribute in their order."""

    level: LevelMeans
    build_year: LevelMeans | None
    relatives: Relatives
    words: Mapping[str, Sequence[str]]
    word_means: Mapping[str, LevelMeans]
    numbers: Sequence[str]

    @property
    def features(self) -> list[str]:
        """Names of the columns in their order."""
        return [*NUMBERS, *self.numbers, *self.words, *self.word_means]

    @property
    def monotone(self) -> list[int]:
        """-1, 0 or 1 for each column: how it may move a value."""
        return [-1 if name in WORN else int(name in BETTER) for name in self.features]


@dataclass(frozen=True)
class Encoded:
    """Machines [n] as a matrix [n, features], the level of their model, and the sales behind each level [levels][n]."""

    matrix: Float
    offset: Float
    sales: Sequence[Float]


def encoder_of(machines: Observations, residual: Float) -> Encoder:
    """The encoder learned from sales and what their log prices leave beyond market and age [n]."""
    words = {name: _by_frequency(column) for name, column in machines.words.items()}
    return _encoder(machines, residual, {name: known for name, known in words.items() if len(known) <= WORDS_LIMIT})


def _encoder(machines: Observations, residual: Float, words: Mapping[str, Sequence[str]]) -> Encoder:
    """The encoder with these words by code, and the other attributes by the mean of each word."""
    keys = _keys(machines)
    means = level_means(keys, residual)
    left = np.clip(residual - means.at(keys)[0][-1], -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
    many = [name for name in machines.words if name not in words]
    return Encoder(
        level=means,
        build_year=_build_years(machines),
        relatives=relatives_of(machines, residual, means),
        words=words,
        word_means={name: level_means([machines.words[name]], left) for name in many},
        numbers=list(machines.numbers),
    )


def _build_years(machines: Observations) -> LevelMeans | None:
    """The usual build year of each key; none when no year is known."""
    dated = ~np.isnan(machines.build_year)
    if not dated.any():
        return None
    return level_means([key[dated] for key in _keys(machines)], machines.build_year[dated])


def encode(encoder: Encoder, machines: Observations) -> Encoded:
    """Machines in the numbers of an encoder; an attribute that their file does not have is unknown of all of them."""
    unknown, unsaid = np.full(len(machines), np.nan), np.full(len(machines), "", dtype=object)
    means, sales = encoder.level.at(_keys(machines))
    relatives = encoder.relatives.at(machines.levels["line"], machines.family_size, means[1])
    typical = encoder.build_year.at(_keys(machines))[0][-1] if encoder.build_year else np.full(len(machines), np.nan)
    columns = [
        machines.age_years,
        machines.hours,
        machines.condition,
        machines.class_size,
        machines.family_size,
        machines.generation,
        machines.series,
        machines.time - typical,
        *means,
        np.log1p(sales[-2]),
        np.log1p(sales[-1]),
        relatives,
        means[-1] - relatives,
        np.log(machines.reference),
        *(machines.numbers.get(name, unknown) for name in encoder.numbers),
        *(_codes(machines.words.get(name, unsaid), words) for name, words in encoder.words.items()),
        *(mean.at([machines.words.get(name, unsaid)])[0][0] for name, mean in encoder.word_means.items()),
    ]
    return Encoded(np.column_stack(columns), means[-1], sales)


def encode_apart(machines: Observations, residual: Float, shown: Observations) -> Encoded:
    """Sales [n], as they are ``shown``, encoded each from the folds it is not in; words by all sales."""
    words = encoder_of(machines, residual).words
    fold = np.random.default_rng(FOLD_SEED).integers(0, FOLDS, len(machines))
    parts = []
    for number in range(FOLDS):
        others, own = fold != number, fold == number
        apart = _encoder(machines.take(others), residual[others], words)
        parts.append((np.flatnonzero(own), encode(apart, shown.take(own))))
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    return Encoded(
        np.concatenate([part.matrix for _, part in parts])[order],
        np.concatenate([part.offset for _, part in parts])[order],
        [np.concatenate([part.sales[level] for _, part in parts])[order] for level in range(len(LEVELS))],
    )


def alike(matrix: Float) -> tuple[Int, Int]:
    """The first of each kind of row of a matrix [n, features], and the kind of each row [n].

    A fleet has many machines that differ in nothing the model sees; each kind is predicted once.
    """
    rows = list(map(bytes, np.ascontiguousarray(matrix)))
    first = {row: at for at, row in reversed(list(enumerate(rows)))}
    kinds = {row: kind for kind, row in enumerate(first)}
    return np.array(list(first.values()), dtype=np.int64), np.fromiter(
        map(kinds.__getitem__, rows), np.int64, len(rows)
    )


def _keys(machines: Observations) -> list[NDArray[Any]]:
    return [machines.levels[level] for level in LEVELS]


def _by_frequency(column: NDArray[Any]) -> list[str]:
    """The words, most frequent first and then by spelling."""
    words, counts = np.unique(column.astype(str), return_counts=True)
    order = np.lexsort((words, -counts))
    return [str(words[at]) for at in order if words[at]]


def _codes(column: NDArray[Any], words: Sequence[str]) -> Float:
    """The place of each word [n] in a list; NaN for one that is not there."""
    place = {word: float(at) for at, word in enumerate(words)}
    return np.fromiter(map(place.get, column.tolist(), repeat(np.nan)), np.float64, len(column))
