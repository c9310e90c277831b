"""Another user of the machine neither reads the book nor stops its writes."""

import stat
import time

import pytest

from tests.support.other_user import common_folder, needs_root, opened, started
from tests.support.server import FIRST_DAY, Server, connected

pytestmark = [pytest.mark.slow, needs_root]


@pytest.fixture(scope="module")
def book():
    """A served book in a folder that every user can list, with a turn file that every user could open before."""
    with common_folder() as folder:
        path = folder / "book.db"
        (folder / "book.db.turn").touch(0o666)
        (folder / "book.db.turn").chmod(0o666)
        with started('exec 9<"$1" && flock -x 9 && echo held && exec sleep 60', folder / "book.db.turn") as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            server = Server(f"sqlite:///{path}").start()
            try:
                yield server, path
            finally:
                server.stop()
                holder.kill()


def test_another_user_cannot_open_any_file_of_a_served_book(book):
    server, path = book
    with connected(server) as client:
        client.open_copper()
    files = sorted(path.parent.iterdir())

    assert {"book.db", "book.db-wal", "book.db-shm", "book.db.turn"} <= {file.name for file in files}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert opened(files) == []


def test_a_lock_of_another_user_on_the_turn_file_does_not_delay_a_write(book):
    server, _ = book
    began = time.monotonic()
    with connected(server) as client:
        client.open_copper("another")
        client.quote("9000", FIRST_DAY, "another")

    assert time.monotonic() - began < 5
