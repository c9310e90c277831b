"""A book on each engine."""

import pytest

from tests.support.small_book import opened


@pytest.fixture
def book(built_book):
    return built_book(opened)
