"""A book belongs to the lender under which it was first opened, and is never served to another."""

import pytest

from collateral_registry.commands.book.lender import check_lender, record_lender
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.commits import newest_commit


def test_a_book_of_one_lender_is_refused_to_another(empty_book):
    check_lender(empty_book, "alpha")  # a book that no lender has yet
    record_lender(empty_book, "alpha")
    with empty_book.read() as connection:
        first = newest_commit(connection)
    record_lender(empty_book, "alpha")
    check_lender(empty_book, "alpha")
    with empty_book.read() as connection:
        again = newest_commit(connection)
    refusals = []
    for check in (check_lender, record_lender):
        with pytest.raises(Refused) as refused:
            check(empty_book, "beta")
        refusals.append(refused.value.reason)

    assert first == again
    assert refusals == ["OTHER_LENDER"] * 2
