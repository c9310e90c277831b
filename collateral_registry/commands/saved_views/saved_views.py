"""Saves views under the names that their owners give them, and deletes them.

The owner of a view is the principal that saved it. Callers who share an identity, such as the local owner, have one
common set.
"""

from __future__ import annotations

from collateral_registry.domain.saved_views.saved_views import OWN_LIMIT, SHARED_LIMIT, SavedView
from collateral_registry.domain.shared.errors import NotPermitted, Refused
from collateral_registry.store.engine.database import Write
from collateral_registry.store.saved_views.repository import (
    StoredView,
    count_own,
    count_shared,
    delete_view,
    find_own,
    get_visible,
    insert_view,
    replace_view,
)


def save_view(write: Write, view: SavedView) -> StoredView:
    """Saves a view, or replaces the author's view with the same name; raises Refused at a limit."""
    owner = write.author.principal
    present = find_own(write.connection, owner, view.display_name)
    if view.shared and not (present and present.view.shared) and count_shared(write.connection) >= SHARED_LIMIT:
        raise _full(f"the book has {SHARED_LIMIT} shared views already: save this one for yourself")
    if present is None and count_own(write.connection, owner) >= OWN_LIMIT:
        raise _full(f"{owner} has {OWN_LIMIT} saved views already: delete one first")
    if present is None:
        key = insert_view(write, owner, view)
    else:
        key = present.key
        replace_view(write, key, view)
    return get_visible(write.connection, owner, key)


def delete_own(write: Write, key: int) -> StoredView:
    """Deletes a view of the author and returns it; raises NotFound, and NotPermitted for a shared one of another."""
    found = get_visible(write.connection, write.author.principal, key)
    if found.owner != write.author.principal:
        raise NotPermitted(f"name: got savedViews/{key} of {found.owner}, want a saved view of your own")
    delete_view(write, key)
    return found


def _full(message: str) -> Refused:
    return Refused("SAVED_VIEW_LIMIT", message)
