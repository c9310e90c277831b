"""The audit log of a book with commits of every kind, as its offline verifier sees it, on both engines."""

import json

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.audit.verification import verified
from collateral_registry.store.audit.export import lines_of
from tests.support.books import do


def exported(database):
    with database.read() as connection:
        return list(lines_of(connection, "1.2.3"))


def test_a_book_that_nobody_changed_has_no_fault(filled_book):
    found = verified(exported(filled_book), None)

    assert [str(fault) for fault in found.faults] == []
    assert found.first == 1
    assert found.rows > 100


def test_facts_older_than_the_log_are_anchored_by_the_first_commit_after_the_upgrade(filled_book):
    with filled_book.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_entry")
    do(filled_book, lambda _: None)

    lines = exported(filled_book)
    found = verified(lines, None)
    assert [str(fault) for fault in found.faults] == []
    assert (found.size, found.first) == (1, found.last)
    assert found.first > 10
    with filled_book.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE price SET verdict = verdict + 1 WHERE day = (SELECT min(day) FROM price)")
    (fault,) = verified(exported(filled_book), None).faults
    assert str(fault).startswith("before the log: price: at least one of ")


def test_an_entry_states_who_made_the_commit_and_by_which_request(filled_book):
    with filled_book.write("AdvanceBusinessDate", Author("spiffe://bank/loans", "Ana")) as write:
        write.request = "ab" * 32
        write.commit()
    entry = json.loads(next(line for line in exported(filled_book) if line.startswith(f'["entry",{write.seq},')))

    assert entry[4:8] == ["AdvanceBusinessDate", "spiffe://bank/loans", "Ana", "ab" * 32]
