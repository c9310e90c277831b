"""Tests whether a haircut is exceeded as often as stated after quiet, usual and wild months."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int

MOVES = ("quiet", "middle", "wild")
KNOWN_MONTHS = 120
"""Thirds by the size of the newest move among the moves of the ten years before."""

BLOCK_MONTHS = 24
BOOTSTRAPS = 10_000
SEED = 17
"""Block length of the bootstrap, number of resamples and its seed. A block is longer than the longest horizon and than
most crises, whose months are not independent; all series of a month are in one block."""


@dataclass(frozen=True)
class Cell:
    """Windows and exceedances of one cell; ``p_value`` is that of the stated rate, ``holm`` the one after Holm."""

    windows: int
    exceeded: int
    p_value: float
    holm: float


def thirds(returns: Float) -> Int:
    """Returns the third, 0 to 2, of each return [n] by size among the ``KNOWN_MONTHS`` before it, -1 with fewer."""
    found = np.full(len(returns), -1, dtype=np.int64)
    sizes = np.abs(returns)
    if len(sizes) > KNOWN_MONTHS:
        earlier = np.lib.stride_tricks.sliding_window_view(sizes[:-1], KNOWN_MONTHS)
        size = sizes[KNOWN_MONTHS:, None]
        rank = (earlier < size).mean(axis=1) + 0.5 * (earlier == size).mean(axis=1)
        found[KNOWN_MONTHS:] = np.minimum((3.0 * rank).astype(np.int64), 2)
    return found


def cells_of(months: Int, exceeded: Bool, cells: list[Bool], rate: float) -> list[Cell]:
    """Tests the rate of exceedance of windows [n] in each of the cells, given as masks [n].

    ``months`` [n] are the months on which the windows begin. The p-value is two-sided, from a circular bootstrap of
    blocks of months. It compares logs of rates, whose spread hardly depends on the rate. Holm's correction is over
    the cells.
    """
    at = months - months.min()
    length = int(at.max()) + 1
    hits, counts = (
        np.stack([np.bincount(at, cell & mask, length) for cell in cells], axis=1)
        for mask in (exceeded, np.ones_like(exceeded))
    )
    drawn = [_resampled(column) for column in (hits, counts)]
    total, windows = hits.sum(axis=0), counts.sum(axis=0)
    observed = (total + 0.5) / windows
    spread = np.abs(np.log((drawn[0] + 0.5) / np.maximum(drawn[1], 1.0) / observed))
    reached = (spread >= np.abs(np.log(observed / rate))).sum(axis=0)
    p_values = (reached + 1.0) / (BOOTSTRAPS + 1.0)
    columns = zip(windows.tolist(), total.tolist(), p_values.tolist(), holm(p_values).tolist(), strict=True)
    return [Cell(int(count), int(number), p_value, corrected) for count, number, p_value, corrected in columns]


def holm(p_values: Float) -> Float:
    """Returns p-values [n] corrected for their number (S. Holm, Scandinavian Journal of Statistics 6 (1979))."""
    order = np.argsort(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def _resampled(columns: Float) -> Float:
    """Returns sums [BOOTSTRAPS, m] of the rows of columns [n, m] in circular blocks; equal calls draw equal blocks."""
    count = len(columns)
    block = min(BLOCK_MONTHS, count)
    wrapped = np.concatenate([columns, columns[: block - 1]]).cumsum(axis=0)
    before = np.concatenate([np.zeros((1, columns.shape[1])), wrapped])
    sums = before[block:][:count] - before[:count]
    starts = np.random.Generator(np.random.PCG64(SEED)).integers(0, count, (BOOTSTRAPS, -(-count // block)))
    return np.asarray(sums[starts].sum(axis=1), dtype=np.float64)
