"""Pages of lists and their tokens."""

import base64
from types import SimpleNamespace

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from collateral_registry.rpc.common.paging import NEWEST, PAGE_BYTES_LIMIT, page_of
from valuation.errors import InvalidInput


def request(token="", size=2):
    return SimpleNamespace(page_size=size, page_token=token)


def listed(rows, page):
    """The rows of a page of a descending list."""
    after, limit = page.bounds
    return page.cut([row for row in sorted(rows, reverse=True) if row < after][:limit], lambda row: row)


def test_pages_hold_every_row_once():
    rows, token, pages = range(5), "", []
    while not pages or token:
        found, token = listed(rows, page_of(request(token), "List", NEWEST))
        pages.append(found)
    assert pages == [[4, 3], [2, 1], [0]]


def filled(sizes, token=""):
    """Lengths of the messages of a page of an ascending list, and the token of the next page."""
    page = page_of(request(token, size=3), "List", 0)
    rows = list(range(page.after + 1, len(sizes) + 1))[: page.size + 1]
    messages, token = page.filled(rows, lambda row: row, lambda row: BytesValue(value=bytes(sizes[row - 1])))
    return [len(message.value) for message in messages], token


def test_a_page_of_large_messages_ends_before_its_size_and_the_next_one_goes_on():
    half, more = PAGE_BYTES_LIMIT // 2 - 100, 2 * PAGE_BYTES_LIMIT
    sizes, token, pages = [half, half, half, more, 1, 2, 3, 4], "", []
    while not pages or token:
        found, token = filled(sizes, token)
        pages.append(found)
    assert pages == [[half, half], [half], [more], [1, 2, 3], [4]]


@pytest.mark.parametrize("position", ["4", (4, 3), (), True, None])
def test_a_forged_token_of_other_types_is_refused(position):
    forged = page_of(request(), "List", NEWEST).token(position)
    with pytest.raises(InvalidInput, match="page_token"):
        page_of(request(forged), "List", NEWEST)


@pytest.mark.parametrize("position", [2**63, -(2**70), 10**400])
def test_a_forged_position_beyond_every_key_is_refused(position):
    forged = page_of(request(), "List", NEWEST).token(position)
    with pytest.raises(InvalidInput, match="page_token"):
        page_of(request(forged), "List", NEWEST)


@pytest.mark.parametrize("position", ["a\0b", "\ud800"])
def test_a_forged_position_that_is_no_text_is_refused(position):
    forged = page_of(request(), "List", "").token(position)
    with pytest.raises(InvalidInput, match="page_token"):
        page_of(request(forged), "List", "")


@pytest.mark.parametrize("body", ["[" * 700, "{}", '["", 1]', "9" * 700, "\ud800"])
def test_a_token_that_is_no_position_is_refused(body):
    forged = base64.urlsafe_b64encode(body.encode(errors="surrogatepass")).decode()
    with pytest.raises(InvalidInput, match="page_token"):
        page_of(request(forged), "List", NEWEST)


def test_a_position_of_several_values_survives_the_token():
    token = page_of(request(), "List", (NEWEST, "")).token((7, "eur"))
    assert page_of(request(token), "List", (NEWEST, "")).after == (7, "eur")


@pytest.mark.parametrize(("requested", "size"), [(0, 100), (7, 7), (5_000, 1_000)])
def test_the_size_has_a_default_and_a_limit(requested, size):
    assert page_of(request(size=requested), "List", "").size == size


def test_a_negative_size_is_refused():
    with pytest.raises(InvalidInput, match="page_size"):
        page_of(request(size=-1), "List", "")
