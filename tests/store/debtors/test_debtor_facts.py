"""Facts of debtors are found by every text that states one, now and as of each commit."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from collateral_registry.commands.debtors.registry import change_debtor, create_debtor, merge_debtors, undo_merge
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind, DebtorLine, DebtorState, DefaultProbability
from collateral_registry.domain.debtors.identifiers import Identifier, IdentifierScheme
from collateral_registry.domain.shared.errors import AlreadyExists, Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.debtors.facts import debtor_facts, with_dependants
from collateral_registry.store.debtors.repository import Cause
from tests.support.books import do, open_empty_book
from valuation.errors import InvalidInput

LEI = Identifier(IdentifierScheme.LEI, "5493001KJTIIGC8Y1R12")
OTHER_LEI = Identifier(IdentifierScheme.LEI, "7LTWFZYICNSX8D621K86")
BECAUSE = Cause("Ana", "same register entry")


@pytest.fixture
def book(database_url):
    database = open_empty_book(database_url)
    yield database
    database.close()


def facts(book, *stated, seq=None):
    with book.read() as connection:
        return debtor_facts(connection, stated, seq)


def created(book, debtor_id, **fields):
    """Registers a debtor and returns the sequence of the commit."""

    def work(write):
        create_debtor(write, Debtor(debtor_id, debtor_id.title(), **fields))
        return write.seq

    return do(book, work)


def changed(book, debtor_id, cause=BECAUSE, **fields):
    return do(book, lambda write: change_debtor(write, debtor_id, "", lambda one: replace(one, **fields), cause))


def merged(book, duplicate, survivor):
    def work(write):
        merge_debtors(write, duplicate, survivor, BECAUSE)
        return write.seq

    return do(book, work)


def test_a_debtor_is_found_by_its_id_its_name_and_its_identifier_in_any_spelling(book):
    line = DebtorLine(Money(5_000_00, "EUR"), date(2022, 6, 30))
    created(
        book,
        "acme",
        identifiers=(LEI,),
        country="DE",
        is_independent=True,
        kind=DebtorKind.FIRM,
        is_core_firm=True,
        default_probability=DefaultProbability(12_500, "agency", date(2021, 6, 1)),
        line=line,
    )

    stated = ("acme", "unregistered", "debtors/acme", f"LEI:{LEI.value.lower()}", f"vat:{LEI.value}", "lei:1")
    found = facts(book, *stated)

    assert found.stated.tolist() == list(stated)
    assert (found.debtor_key > 0).tolist() == [True, False, True, True, False, False]
    assert len(set(found.debtor_key[[0, 2, 3]].tolist())) == 1
    assert found.group_key.tolist() == found.debtor_key.tolist()
    assert found.country.tolist()[:2] == ["DE", ""]
    assert found.parent_stated.tolist()[:2] == [True, False]
    assert found.is_core_firm.tolist()[:2] == [True, False]
    assert (found.kind[0], found.state[0]) == (DebtorKind.FIRM, DebtorState.ACTIVE)
    assert found.pd[0] == 0.0125
    assert np.isnan(found.pd[1])
    assert found.pd_day[0] == (date(2021, 6, 1) - date(1970, 1, 1)).days
    assert (found.line_minor[0], found.line_minor[1], found.line_currency[0]) == (500_000, -1, "EUR")
    assert found.line_expire_day[0] == (date(2022, 6, 30) - date(1970, 1, 1)).days


def test_facts_as_of_a_commit_stay_as_they_were(book):
    first = created(book, "acme", identifiers=(LEI,))
    changed(book, "acme", state=DebtorState.INSOLVENT, identifiers=(OTHER_LEI,))
    last = created(book, "beta", identifiers=(LEI,))

    old = facts(book, "acme", str(LEI), str(OTHER_LEI), "beta", seq=first)
    new = facts(book, "acme", str(LEI), str(OTHER_LEI), "beta", seq=last)

    acme, beta = new.debtor_key[0], new.debtor_key[3]
    assert old.debtor_key.tolist() == [acme, acme, 0, 0]
    assert old.state[0] == DebtorState.ACTIVE
    assert new.debtor_key.tolist() == [acme, beta, acme, beta]
    assert new.state[0] == DebtorState.INSOLVENT
    assert facts(book, "acme", seq=first - 1).debtor_key.tolist() == [0]


def test_a_merged_duplicate_has_the_facts_of_the_survivor_until_the_merge_is_undone(book):
    created(book, "top", is_independent=True)
    created(book, "acme", parent_id="top", kind=DebtorKind.FIRM)
    before = created(book, "acme-gmbh", identifiers=(LEI,))
    created(book, "child", parent_id="acme-gmbh")

    after = merged(book, "acme-gmbh", "acme")

    now = facts(book, "acme", "acme-gmbh", str(LEI), "child", "top")
    acme, top = now.debtor_key[0], now.debtor_key[4]
    assert now.debtor_key.tolist()[:3] == [acme] * 3
    assert now.group_key.tolist() == [top] * 5
    assert facts(book, "acme-gmbh", seq=before).debtor_key[0] not in (0, acme)
    do(book, lambda write: undo_merge(write, "acme-gmbh", BECAUSE))
    undone = facts(book, "acme-gmbh", str(LEI))
    assert set(undone.debtor_key.tolist()) == set(facts(book, "acme-gmbh", seq=before).debtor_key.tolist())
    assert facts(book, "acme-gmbh", seq=after).debtor_key[0] == acme


def test_merges_lead_on_to_the_last_survivor(book):
    for name in ("a", "b", "c"):
        created(book, name)
    merged(book, "a", "b")
    merged(book, "b", "c")

    assert len(set(facts(book, "a", "b", "c").debtor_key.tolist())) == 1


@pytest.mark.parametrize(
    ("duplicate", "survivor"),
    [
        ({"identifiers": (LEI,)}, {"identifiers": (OTHER_LEI,)}),
        ({"state": DebtorState.BLOCKED}, {}),
        ({"kind": DebtorKind.CONSUMER}, {"kind": DebtorKind.FIRM}),
        ({"line": DebtorLine(Money(100, "EUR"))}, {}),
        ({"line": DebtorLine(Money(100, "EUR"))}, {"line": DebtorLine(Money(101, "EUR"))}),
        ({"line": DebtorLine(Money(100, "EUR"), date(2022, 1, 1))}, {"line": DebtorLine(Money(100, "EUR"))}),
        ({"default_probability": DefaultProbability(20_000, "agency", date(2021, 6, 1))}, {}),
        ({"parent_id": "group"}, {}),
    ],
)
def test_a_merge_never_lets_more_of_a_debtor_count(book, duplicate, survivor):
    created(book, "group")
    created(book, "one", **duplicate)
    created(book, "two", **survivor)

    with pytest.raises(Refused) as refused:
        merged(book, "one", "two")

    assert refused.value.reason == "DEBTORS_DIFFER"
    assert len(set(facts(book, "one", "two").debtor_key.tolist())) == 2


def test_no_debtor_becomes_a_parent_of_its_own(book):
    created(book, "a")
    created(book, "b", parent_id="a")
    created(book, "c", parent_id="b")
    created(book, "twin", is_independent=True)
    changed(book, "a", parent_id="twin")

    for change in (
        lambda: changed(book, "twin", parent_id="c", is_independent=False),
        lambda: merged(book, "twin", "c"),
    ):
        with pytest.raises(Refused) as refused:
            change()
        assert refused.value.reason == "PARENT_CYCLE"
    assert facts(book, "c").group_key == facts(book, "twin").debtor_key


def test_a_change_that_may_let_more_count_needs_a_person_and_a_reason(book):
    created(book, "acme", state=DebtorState.BLOCKED, line=DebtorLine(Money(100, "EUR")))

    for loose in ({"state": DebtorState.ACTIVE}, {"line": None}, {"line": DebtorLine(Money(200, "EUR"))}):
        with pytest.raises(InvalidInput, match=r"actor: got nothing.*; note: got nothing"):
            changed(book, "acme", Cause(), **loose)
        changed(book, "acme", Cause(), state=DebtorState.BLOCKED)
    changed(book, "acme", Cause(), line=DebtorLine(Money(50, "EUR")))
    changed(book, "acme", BECAUSE, state=DebtorState.ACTIVE)

    assert facts(book, "acme").state.tolist() == [DebtorState.ACTIVE]


def test_two_debtors_never_have_the_same_identifier(book):
    created(book, "acme", identifiers=(LEI,))

    with pytest.raises(AlreadyExists, match="debtors/acme"):
        created(book, "beta", identifiers=(LEI,))
    changed(book, "acme", identifiers=())
    created(book, "beta", identifiers=(LEI,))
    with pytest.raises(AlreadyExists, match="debtors/beta"):
        changed(book, "acme", identifiers=(LEI,))


def test_the_facts_of_duplicates_and_of_the_group_depend_on_a_debtor(book):
    created(book, "top")
    created(book, "middle", parent_id="top")
    created(book, "leaf", parent_id="middle")
    created(book, "twin")
    created(book, "other")
    merged(book, "twin", "leaf")
    names = ("top", "middle", "leaf", "other")
    keys = dict(zip(names, facts(book, *names).debtor_key, strict=True))

    with book.read() as connection:
        below = with_dependants(connection, [int(keys["middle"])])
        alone = with_dependants(connection, [int(keys["other"])])

    assert len(below) == 3
    assert {int(keys["middle"]), int(keys["leaf"])} < below
    assert int(keys["top"]) not in below
    assert alone == {int(keys["other"])}
