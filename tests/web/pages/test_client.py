"""The pages read the book with the credentials of the reader."""

import asyncio

import pytest

from collateral_registry.v1 import debtor_pb2 as pb
from collateral_registry.web.pages.client import PAGE_ROWS, ROWS_READ, Book


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

    found = asyncio.run(Book(None, ()).rows(listed, pb.ListDebtorsRequest(), "debtors"))

    assert len({one.name for one in found}) == read * PAGE_ROWS
    assert asked == [(PAGE_ROWS, str(at) if at else "") for at in range(read)]
