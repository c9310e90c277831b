"""Ladders of statements are kept in memory up to a number of invoices and of ladders, the most recently used ones."""

import pytest

from collateral_registry.commands.pools import kept_ladders as module
from collateral_registry.commands.pools.kept_ladders import KeptLadders, LadderKey
from collateral_registry.domain.receivables.pool_ladder import ladder
from collateral_registry.store.engine.commits import Commit
from tests.support.invoice_pools import TODAY, OpenInvoice, numbers, pool_of

KEYS = [LadderKey(1, Commit(seq, seq, "SyncPools")) for seq in range(4)]


@pytest.fixture
def made():
    """A ladder of three invoices, which counts as four."""
    return ladder(pool_of(*(OpenInvoice(str(number)) for number in range(3))), numbers(), TODAY)


def test_the_ladder_that_was_used_least_recently_is_dropped_first(made, monkeypatch):
    monkeypatch.setattr(module, "INVOICES_LIMIT", 8)
    kept = KeptLadders()
    for key in KEYS[:2]:
        kept.keep(key, made)
    kept.get(KEYS[0])
    kept.keep(KEYS[2], made)

    assert [kept.get(key) is made for key in KEYS] == [True, False, True, False]


def test_small_ladders_are_kept_up_to_a_number_of_ladders(made, monkeypatch):
    monkeypatch.setattr(module, "LADDERS_LIMIT", 2)
    kept = KeptLadders()
    for key in KEYS:
        kept.keep(key, made)

    assert [kept.get(key) is made for key in KEYS] == [False, False, True, True]


def test_a_ladder_of_more_invoices_than_the_limit_is_not_kept(made, monkeypatch):
    monkeypatch.setattr(module, "INVOICES_LIMIT", 3)
    kept = KeptLadders()
    kept.keep(KEYS[0], made)

    assert kept.get(KEYS[0]) is None


def test_a_commit_that_was_undone_has_no_ladder_of_the_one_that_has_its_sequence(made):
    kept = KeptLadders()
    kept.keep(KEYS[1], made)

    assert kept.get(LadderKey(1, KEYS[1].commit._replace(known_us=99))) is None
    assert kept.get(LadderKey(2, KEYS[1].commit)) is None
