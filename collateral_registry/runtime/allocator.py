"""Lets the C library keep freed memory, because the columns of a pool are freed and soon needed again."""

from __future__ import annotations

import ctypes
import os

KEPT_BYTES = 64 * 1024 * 1024
"""Freed memory at the end of a heap that stays with the process."""

MAPPED_BYTES = 8 * 1024 * 1024
"""Size from which a block is mapped on its own and returned when it is freed."""

SETTINGS = {"MALLOC_TRIM_THRESHOLD_": (-1, KEPT_BYTES), "MALLOC_MMAP_THRESHOLD_": (-3, MAPPED_BYTES)}
"""Number and value of each setting of ``mallopt(3)`` of the GNU C library, by the variable that overrides it."""


def keep_freed_memory() -> None:
    """Applies the settings that the environment does not state; does nothing where the C library has none of them.

    Without them the kernel clears the same pages for each column of a large pool, which takes as long as its arithmetic
    (benchmarks/RESULTS.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for variable, (number, value) in SETTINGS.items():
        if variable not in os.environ:
            mallopt(ctypes.c_int(number), ctypes.c_int(value))
