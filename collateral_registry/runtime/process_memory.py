"""Settings of memory that every process of the service needs: what is kept of it, and when garbage is collected."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os

KEPT_BYTES = 64 * 1024 * 1024
"""Freed memory at the end of a heap that stays with the process."""

MAPPED_BYTES = 8 * 1024 * 1024
"""Size from which a block is mapped on its own and returned when it is freed."""

ARENAS = 2
"""Areas from which threads take memory, each of which keeps what is freed; by default there are eight for each core."""

RETURN_SECONDS = 60.0
"""Time after which freed memory that nothing took again goes back to the system."""

SETTINGS = {
    "MALLOC_TRIM_THRESHOLD_": (-1, KEPT_BYTES),
    "MALLOC_MMAP_THRESHOLD_": (-3, MAPPED_BYTES),
    "MALLOC_ARENA_MAX": (-8, ARENAS),
}
"""Number and value of each setting of ``mallopt(3)`` of the GNU C library, by the variable that overrides it."""

COLLECT_EVERY_OBJECTS = 100_000
"""New objects after which garbage is looked for; reads make thousands in which there is none."""


def collect_rarely() -> None:
    """Sets how often the garbage of cycles is looked for, and leaves out the objects that exist already.

    These live as long as the process. The collector is never turned off: two threads that turn it off and on again may
    leave it off.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY_OBJECTS)


def keep_freed_memory() -> None:
    """Lets the C library keep freed memory, as far as the environment does not state another setting.

    Columns are freed and soon needed again: without these settings the kernel clears the same pages for each column of
    a large pool, which takes as long as its arithmetic (benchmarks/RESULTS.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for variable, (number, value) in SETTINGS.items():
        if variable not in os.environ:
            mallopt(ctypes.c_int(number), ctypes.c_int(value))


async def return_freed_memory() -> None:
    """Returns freed memory to the system from time to time, so that a busy minute does not decide what a process keeps.

    Ends at once where the C library cannot. A turn takes a few milliseconds, in a thread of its own; columns of the
    next minute have new pages then.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(RETURN_SECONDS)
        await asyncio.to_thread(trim, ctypes.c_size_t(0))
