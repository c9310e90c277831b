"""Encodes machines as features of the trees: age, meter, size, price level of the model, attributes.

The price level of a model is a mean of prices that must not include the price of the encoded machine. Therefore each
training row is encoded from the other folds (target encoding out of fold), and a new machine is encoded from all sales.
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
"""Attributes with at most this many distinct strings are coded; others are encoded by the mean residual of a string."""

RESIDUAL_LIMIT = 0.5
"""Bound on the log residuals that enter the mean of a string."""

FOLDS = 8
FOLD_SEED = 20110101

WORN = ("age", "hours")
"""Features with a decreasing effect on value."""

BETTER = ("condition",)
"""Features with an increasing effect on value."""

NUMBERS = (
    *WORN, *BETTER, "class_size", "family_size", "generation", "series", "implied_age", *LEVELS, "family_sales",
    "model_sales", "relatives", "beyond_relatives", "log_reference",
)  # fmt: skip


@dataclass(frozen=True)
class Encoder:
    """Encoding tables fitted to sales: means by key, and the strings of coded attributes in order of code."""

    level: LevelMeans
    build_year: LevelMeans | None
    relatives: Relatives
    words: Mapping[str, Sequence[str]]
    word_means: Mapping[str, LevelMeans]
    numbers: Sequence[str]

    @property
    def features(self) -> list[str]:
        """Names of the features in column order."""
        return [*NUMBERS, *self.numbers, *self.words, *self.word_means]

    @property
    def monotone(self) -> list[int]:
        """Direction of the effect of each feature: -1 for decreasing, 1 for increasing, 0 for unconstrained."""
        return [-1 if name in WORN else int(name in BETTER) for name in self.features]


@dataclass(frozen=True)
class Encoded:
    """Feature matrix [n, features], price level of the model [n], and number of sales at each level [levels][n]."""

    matrix: Float
    offset: Float
    sales: Sequence[Float]


def encoder_of(machines: Observations, residual: Float) -> Encoder:
    """Fits an encoder to sales and to their log prices [n] less market level and age effect."""
    words = {name: _by_frequency(column) for name, column in machines.words.items()}
    return _encoder(machines, residual, {name: known for name, known in words.items() if len(known) <= WORDS_LIMIT})


def _encoder(machines: Observations, residual: Float, words: Mapping[str, Sequence[str]]) -> Encoder:
    """Fits an encoder to sales and their residuals [n].

    Strings of the attributes in ``words`` become codes. Strings of other attributes become their mean residual.
    """
    keys = _keys(machines)
    means = level_means(keys, residual)
    left = np.clip(residual - means.at(keys)[0][-1], -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
    averaged = [name for name in machines.words if name not in words]
    return Encoder(
        level=means,
        build_year=_build_years(machines),
        relatives=relatives_of(machines, residual, means),
        words=words,
        word_means={name: level_means([machines.words[name]], left) for name in averaged},
        numbers=list(machines.numbers),
    )


def _build_years(machines: Observations) -> LevelMeans | None:
    """Returns the mean build year of each key; None if no build year is known."""
    dated = ~np.isnan(machines.build_year)
    if not dated.any():
        return None
    return level_means([key[dated] for key in _keys(machines)], machines.build_year[dated])


def encode(encoder: Encoder, machines: Observations) -> Encoded:
    """Encodes machines; an attribute missing from their file is unknown for all of them."""
    unknown, empty = np.full(len(machines), np.nan), np.full(len(machines), "", dtype=object)
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
        *(_codes(machines.words.get(name, empty), words) for name, words in encoder.words.items()),
        *(mean.at([machines.words.get(name, empty)])[0][0] for name, mean in encoder.word_means.items()),
    ]
    return Encoded(np.column_stack(columns), means[-1], sales)


def encode_out_of_fold(machines: Observations, residual: Float, shown: Observations) -> Encoded:
    """Encodes each row [n] of ``shown`` with an encoder that is fitted to the other folds of ``machines``.

    ``shown`` has the same sales, possibly with data hidden. String codes are fitted to all sales.
    """
    words = encoder_of(machines, residual).words
    fold = np.random.default_rng(FOLD_SEED).integers(0, FOLDS, len(machines))
    parts = []
    for number in range(FOLDS):
        others, own = fold != number, fold == number
        fitted = _encoder(machines.take(others), residual[others], words)
        parts.append((np.flatnonzero(own), encode(fitted, shown.take(own))))
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    return Encoded(
        np.concatenate([part.matrix for _, part in parts])[order],
        np.concatenate([part.offset for _, part in parts])[order],
        [np.concatenate([part.sales[level] for _, part in parts])[order] for level in range(len(LEVELS))],
    )


def distinct_rows(matrix: Float) -> tuple[Int, Int]:
    """Returns the index of the first copy of each distinct row [k], and which distinct row each row [n] equals.

    The matrix is [n, features]. A fleet has many identical machines, so predicting each distinct row once saves time.
    """
    rows = list(map(bytes, np.ascontiguousarray(matrix)))
    # The order is reversed, so that the first of equal rows is stored last and stays.
    first = {row: at for at, row in reversed(list(enumerate(rows)))}
    number = {row: at for at, row in enumerate(first)}
    return np.array(list(first.values()), dtype=np.int64), np.fromiter(
        map(number.__getitem__, rows), np.int64, len(rows)
    )


def _keys(machines: Observations) -> list[NDArray[Any]]:
    return [machines.levels[level] for level in LEVELS]


def _by_frequency(column: NDArray[Any]) -> list[str]:
    """Returns the distinct non-empty strings, most frequent first and then alphabetically."""
    words, counts = np.unique(column.astype(str), return_counts=True)
    order = np.lexsort((words, -counts))
    return [str(words[at]) for at in order if words[at]]


def _codes(column: NDArray[Any], words: Sequence[str]) -> Float:
    """Returns the index of each string [n] in a list; NaN for a missing one."""
    place = {word: float(at) for at, word in enumerate(words)}
    return np.fromiter(map(place.get, column.tolist(), repeat(np.nan)), np.float64, len(column))
