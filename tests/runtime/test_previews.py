"""The process of a preview ends with its caller, and there is one preview at a time."""

import asyncio
import errno
from contextlib import aclosing
from multiprocessing import active_children
from multiprocessing.context import SpawnProcess

import pytest

from collateral_registry.commands.revaluation.preview import PreviewBegin, PreviewJob
from collateral_registry.domain.shared.errors import Busy, NotFound
from collateral_registry.runtime.revaluation.previews import Previews
from tests.support.books import open_empty_book


@pytest.fixture
def previews(tmp_path):
    database = open_empty_book(f"sqlite:///{tmp_path / 'book.db'}")
    database.close()
    found = Previews(database.url)
    yield found
    found.close()


async def parts_of(previews, job):
    async with aclosing(previews.compute(job)) as parts:
        return [part async for part in parts]


def test_one_preview_is_computed_at_a_time_and_its_process_ends_with_its_caller(previews):
    async def work():
        async with aclosing(previews.compute(PreviewJob())) as parts:
            first = await anext(parts)
            with pytest.raises(Busy):
                await parts_of(previews, PreviewJob())
        return first, await parts_of(previews, PreviewJob())

    first, parts = asyncio.run(work())

    assert isinstance(first, PreviewBegin)
    assert parts[0] == first
    for child in active_children():
        child.join(5)
    assert not active_children()


def test_an_error_of_the_process_is_raised_to_the_caller(previews):
    with pytest.raises(NotFound, match="policies/unknown"):
        asyncio.run(parts_of(previews, PreviewJob("unknown")))


def test_a_process_that_cannot_be_started_keeps_no_later_preview_out(previews, monkeypatch):
    def refused(_process):
        raise OSError(errno.EAGAIN, "no process")

    with monkeypatch.context() as full:
        full.setattr(SpawnProcess, "start", refused)
        with pytest.raises(OSError, match="no process"):
            asyncio.run(parts_of(previews, PreviewJob()))

    assert isinstance(asyncio.run(parts_of(previews, PreviewJob()))[0], PreviewBegin)
