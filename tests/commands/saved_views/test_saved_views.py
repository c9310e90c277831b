"""Owners have a limited number of views, and a book a limited number of shared ones."""

import pytest

from collateral_registry.commands.saved_views.saved_views import save_view
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.saved_views.saved_views import OWN_LIMIT, SHARED_LIMIT, SavedView
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.saved_views.repository import insert_view
from tests.support.books import open_empty_book

ANA = Author("people/ana", "people/ana")
NEW = SavedView("one more", "/loans", shared=False)
SHARED = SavedView("one more", "/loans", shared=True)


@pytest.fixture
def database(sqlite_url):
    database = open_empty_book(sqlite_url)
    yield database
    database.close()


def test_an_owner_at_the_limit_replaces_views_and_adds_none(database):
    with database.write("SaveView", ANA) as write:
        for number in range(OWN_LIMIT):
            save_view(write, SavedView(f"view {number}", "/loans", shared=False))

        with pytest.raises(Refused, match="people/ana has 100 saved views already: delete one first"):
            save_view(write, NEW)
        assert save_view(write, SavedView("view 0", "/assets", shared=True)).view.path == "/assets"


def test_a_book_at_the_limit_of_shared_views_takes_unshared_ones(database):
    with database.write("SaveView", ANA) as write:
        shared = save_view(write, SavedView("shared", "/loans", shared=True))
        save_view(write, SavedView("unshared", "/loans", shared=False))
        for number in range(SHARED_LIMIT - 1):
            insert_view(write, f"people/{number}", SHARED)

        for view in (SHARED, SavedView("unshared", "/loans", shared=True)):
            with pytest.raises(Refused, match="the book has 500 shared views already: save this one for yourself"):
                save_view(write, view)
        assert not save_view(write, NEW).view.shared
        assert save_view(write, SavedView("shared", "/assets", shared=True)).key == shared.key
