"""Puts the temporary files of the tests in memory, where a commit does not wait for a disk.

The tests kill processes and never the machine, so that they find the same faults on either.
"""

import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
BYTES_LEAST = 4 << 30
"""A run of all tests needs less; a container may have 64 MB."""


def keep_files_in_memory() -> None:
    """Makes the shared memory the folder of temporary files, unless it is too small or TMPDIR names another one."""
    if "TMPDIR" not in os.environ and SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free >= BYTES_LEAST:
        os.environ["TMPDIR"] = tempfile.tempdir = str(SHARED_MEMORY)
