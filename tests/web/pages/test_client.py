"""The pages read the book with the credentials of the reader."""

import pytest

from collateral_registry.web.pages.client import Book


@pytest.mark.parametrize(
    ("metadata", "states"), [((("authorization", "Bearer x"),), True), ((("x-request-id", "1"),), False), ((), False)]
)
def test_a_reader_with_a_token_acts_in_its_own_name(metadata, states):
    assert Book(None, metadata).states_credentials is states
