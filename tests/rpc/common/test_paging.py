"""Pages of lists and their tokens."""

import base64
from types import SimpleNamespace

import pytest

from collateral_registry.rpc.common.paging import NEWEST, page_of
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
