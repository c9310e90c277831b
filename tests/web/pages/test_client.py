"""The pages read the book with the credentials of the reader."""

import asyncio

import pytest

from collateral_registry.v1 import debtor_pb2 as pb
from collateral_registry.web.pages.app import NO_HEAD
from collateral_registry.web.pages.client import PAGE_ROWS, ROWS_READ, Book
from collateral_registry.web.pages.rendering import render
from collateral_registry.web.pages.texts import texts_of
from collateral_registry.web.pages.visit import Visit


@pytest.mark.parametrize(
    ("metadata", "states"), [((("authorization", "Bearer x"),), True), ((("x-request-id", "1"),), False), ((), False)]
)
def test_a_reader_with_a_token_acts_in_its_own_name(metadata, states):
    assert Book(None, metadata).states_credentials is states


@pytest.mark.parametrize(("pages", "read"), [(0, 1), (2, 3), (50, ROWS_READ // PAGE_ROWS)])
def test_a_list_is_read_page_by_page_up_to_a_limit(pages, read):
    asked = []

    async def listed(request, **_):
        asked.append((request.page_size, request.page_token))
        at = len(asked)
        rows = [pb.Debtor(name=f"debtors/{at}-{row}") for row in range(PAGE_ROWS)]
        return pb.ListDebtorsResponse(debtors=rows, next_page_token=str(at) if at <= pages else "")

    book = Book(None, ())
    found = asyncio.run(book.rows(listed, pb.ListDebtorsRequest(), "debtors"))

    assert len({one.name for one in found}) == read * PAGE_ROWS
    assert asked == [(PAGE_ROWS, str(at) if at else "") for at in range(read)]
    assert book.cut == ({"debtors"} if read <= pages else set())


@pytest.mark.parametrize("cut", [set(), {"debtors"}])
def test_a_page_says_that_a_list_was_not_read_as_a_whole(cut):
    visit = Visit(Book(None, (), cut), texts_of("en"), "/debtors", {}, {})
    shown = render("en", "empty.html", {**NO_HEAD, "visit": visit, "section": "", "token": str})

    assert ("has more rows than were read" in shown) is bool(cut)
