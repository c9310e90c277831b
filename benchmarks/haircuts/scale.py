"""Measures seconds and peak memory of ``haircut_batch`` for SERIES series of ten years on one core, as a JSON line."""

from __future__ import annotations

import json
import resource
import time

import numpy as np

from valuation.haircuts.models.price_haircut import haircut_batch

SERIES, DAYS = 10_000, 2_500
HORIZON_DAYS = 20
DAILY_VOLATILITY = 0.01
KILOBYTES_OF_A_MEGABYTE = 1024.0


def main() -> None:
    """Runs the measurement with all prices in memory, as in a service that values a whole book."""
    dates = np.busday_offset("2000-01-03", np.arange(DAYS), roll="forward").astype("datetime64[D]")
    generator = np.random.default_rng(1)
    prices = np.empty((SERIES, DAYS))
    for row in prices:
        row[:] = 100.0 * np.exp(np.cumsum(generator.standard_t(5, DAYS) * DAILY_VOLATILITY))
    begun = time.perf_counter()
    found = haircut_batch([(row, dates) for row in prices], HORIZON_DAYS)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES_OF_A_MEGABYTE
    facts = {
        "what": f"haircuts of {SERIES} series of {DAYS} days, from raw quotes, one core",
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak),
        "opinions": sum(one.has_opinion for one in found),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
