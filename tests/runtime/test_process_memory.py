"""Memory that a process keeps for its next columns, and the garbage that it collects."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collateral_registry.runtime.process_memory import ARENAS

pytestmark = pytest.mark.slow
glibc_only = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="left out: the C library has no such settings"
)

ROOT = Path(__file__).parents[2]
FAULTS = """
import resource
import numpy as np
from collateral_registry.runtime.process_memory import keep_freed_memory
if {keeps}:
    keep_freed_memory()
for done in range(101):
    if done == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    columns = [np.ones(100_000) for _ in range(20)]
    del columns
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


THREADS = """
from pathlib import Path
from threading import Barrier, Lock, Thread
import numpy as np
from collateral_registry.runtime.process_memory import keep_freed_memory
keep_freed_memory()
COUNT = 16
turn, alive = Lock(), Barrier(COUNT + 1)
def use():
    with turn:
        columns = [np.ones(100_000) for _ in range(50)]
        del columns
    alive.wait()
    alive.wait()
for thread in [Thread(target=use) for _ in range(COUNT)]:
    thread.start()
alive.wait()
status = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) // 1024)
alive.wait()
"""
COLUMNS_MB = 40
"""Memory of the columns of one thread."""

GARBAGE = """
import gc
from collateral_registry.runtime.process_memory import COLLECT_EVERY_OBJECTS, collect_rarely
class Node: pass
def cycles(count):
    for _ in range(count):
        node = Node()
        node.itself = node
collect_rarely()
most = 0
for _ in range(20):
    cycles(COLLECT_EVERY_OBJECTS // 4)
    most = max(most, len(gc.get_objects()))
print(gc.get_freeze_count() > 1000, most <= 3 * COLLECT_EVERY_OBJECTS)
"""


RETURNED = """
import asyncio
from pathlib import Path
import numpy as np
from collateral_registry.runtime import process_memory
def used():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) // 1024
async def main():
    process_memory.keep_freed_memory()
    process_memory.RETURN_SECONDS = 0.05
    before = used()
    columns = [np.ones(100_000) for _ in range(50)]
    del columns
    kept = used() - before
    task = asyncio.create_task(process_memory.return_freed_memory())
    for _ in range(200):
        if used() - before < 5:
            break
        await asyncio.sleep(0.05)
    print(kept, used() - before, task.done())
asyncio.run(main())
"""


def test_garbage_of_cycles_is_collected_and_objects_loaded_before_are_left_out():
    found = subprocess.check_output([sys.executable, "-c", GARBAGE], cwd=ROOT, text=True)
    assert found.split() == ["True", "True"]


def faults(*, keeps: bool, **environment: str) -> int:
    """Returns how many pages the kernel had to provide for columns that were needed again and again."""
    values = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    script = FAULTS.format(keeps=keeps)
    return int(subprocess.check_output([sys.executable, "-c", script], env=values, text=True))


@glibc_only
def test_columns_that_are_needed_again_use_the_memory_of_those_before():
    assert faults(keeps=True) * 20 < faults(keeps=False)


@glibc_only
def test_the_environment_decides_where_it_states_a_setting():
    small = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    assert faults(keeps=True, **small) * 2 > faults(keeps=False, **small)


@glibc_only
def test_many_threads_that_take_turns_keep_the_memory_of_few():
    values = {**os.environ, "PYTHONPATH": str(ROOT)}
    kept_mb = int(subprocess.check_output([sys.executable, "-c", THREADS], env=values, text=True))
    assert kept_mb < (ARENAS + 2) * COLUMNS_MB


@glibc_only
def test_freed_memory_that_nothing_takes_again_goes_back_to_the_system():
    values = {**os.environ, "PYTHONPATH": str(ROOT)}
    kept, left, has_ended = subprocess.check_output([sys.executable, "-c", RETURNED], env=values, text=True).split()
    assert int(kept) > COLUMNS_MB * 0.9
    assert int(left) < 5
    assert has_ended == "False"
