"""A book on each engine."""

import pytest

from tests.support.small_book import opened


@pytest.fixture
def book(database_url):
    database = opened(database_url)
    yield database
    database.close()
