"""The state of an invoice's assignment follows from the events that concern it, in the order of their days."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from collateral_registry.domain.assignments.best_assignment import (
    Invoices,
    PoolRecords,
    best_assignments,
    state_of,
)
from collateral_registry.domain.assignments.events import (
    AssignmentEvent,
    AssignmentEventKind as Kind,
    ContractTerms,
    EarlierAssignment,
    Exclusion,
    InvoiceScope,
    RegistrySearch,
)
from collateral_registry.domain.receivables.assignment_facts import AssignmentState as State
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.money import Money
from tests.support.invoice_pools import OpenInvoice, pool_of
from valuation.errors import InvalidInput

FIRST = date(2026, 1, 1)
DAY_US = 86_400_000_000
INVOICES = (("acme", "A1", 0), ("acme", "A2", 5), ("acme", "A3", None), ("beta", "B1", 0), ("vat:DE1", "V1", 0))
"""Debtor, number, and day of issue."""
ACME, BETA = InvoiceScope("acme"), InvoiceScope("beta")


def on(day):
    return FIRST + timedelta(days=day)


def ledger():
    plain = pool_of(*(OpenInvoice(number, debtor, open=100) for debtor, number, _ in INVOICES)).ledger
    issued = [NO_DAY if day is None else day_of(on(day)) for _, _, day in INVOICES]
    return replace(plain, issue_day=np.array(issued, dtype=np.int64))


def event(kind, day, *scopes, **fields):
    if kind == Kind.REGISTERED:
        fields = {"registry": "zdw", "registration_number": "1", **fields}
    return AssignmentEvent(kind, on(day), scopes, **fields)


REGISTERED = event(Kind.REGISTERED, 1)


def facts(*events, day=100, account="", **records):
    return best_assignments(ledger(), PoolRecords(assignments=[events], **records), day_of(on(day)), "EUR", account)


def states(*events, **options):
    return [State(one).name for one in facts(*events, **options).state.tolist()]


def test_an_event_of_a_part_changes_only_that_part():
    notified = event(Kind.NOTICE_DELIVERED, 2, ACME)
    released = event(Kind.RELEASED, 3, InvoiceScope("acme", ("A2",)))

    found = states(REGISTERED, event(Kind.NOTICE_SENT, 2), notified, released)

    assert found == ["NOTIFIED", "NONE", "NOTIFIED", "REGISTERED", "REGISTERED"]
    assert states(event(Kind.REGISTERED, 1, BETA)) == ["NONE", "NONE", "NONE", "REGISTERED", "NONE"]
    assert states(event(Kind.REGISTERED, 1, BETA), event(Kind.NOTICE_DELIVERED, 2)).count("NOTIFIED") == 1


def test_only_events_up_to_the_day_count_whatever_the_order_of_recording():
    events = (event(Kind.NOTICE_DELIVERED, 5), REGISTERED)

    assert states(*events, day=0) == ["NONE"] * 5
    assert states(*events, day=4) == ["REGISTERED"] * 5
    assert states(*events, day=5) == ["NOTIFIED"] * 5


def test_an_acknowledgement_covers_what_was_issued_by_its_day_and_the_rest_is_notified():
    found = states(REGISTERED, event(Kind.ACKNOWLEDGED, 3, ACME))

    assert found == ["ACKNOWLEDGED", "NOTIFIED", "NOTIFIED", "REGISTERED", "REGISTERED"]
    listed = event(Kind.ACKNOWLEDGED, 3, InvoiceScope("acme", ("A2", "A3")), set_off_reserved=True)
    reserved = "ACKNOWLEDGED_WITH_SET_OFF"
    assert states(REGISTERED, listed) == ["REGISTERED", reserved, reserved, "REGISTERED", "REGISTERED"]


def test_an_acknowledged_amount_covers_no_invoice_in_another_currency_and_is_not_used_by_it():
    plain = ledger()
    mixed = replace(plain, currency=np.where(plain.invoice_number == "A1", "IDR", plain.currency))
    acknowledged = event(Kind.ACKNOWLEDGED, 9, ACME, amount=Money(100, "EUR"))

    found = best_assignments(mixed, PoolRecords(assignments=[[REGISTERED, acknowledged]]), day_of(on(100)), "EUR", "")

    assert [State(one).name for one in found.state.tolist()][:3] == ["NOTIFIED", "ACKNOWLEDGED", "NOTIFIED"]


@pytest.mark.parametrize(("amount", "count"), [(99, 0), (100, 1), (199, 1), (200, 2)])
def test_an_acknowledged_amount_covers_whole_invoices_from_the_oldest_on(amount, count):
    acknowledged = event(Kind.ACKNOWLEDGED, 9, ACME, amount=Money(amount, "EUR"))

    found = states(REGISTERED, acknowledged)

    assert found[:3] == ["ACKNOWLEDGED"] * count + ["NOTIFIED"] * (3 - count)


def test_an_acknowledged_amount_in_another_currency_covers_nothing_and_is_a_notice():
    acknowledged = event(Kind.ACKNOWLEDGED, 9, ACME, amount=Money(10_000, "JPY"))

    assert states(REGISTERED, acknowledged)[:3] == ["NOTIFIED"] * 3


def test_an_acknowledgement_counts_only_for_the_account_in_force():
    own = event(Kind.ACKNOWLEDGED, 9, BETA, account="DE01")
    other = event(Kind.ACKNOWLEDGED, 9, BETA, account="DE02")
    changed = event(Kind.ACCOUNT_CHANGED, 10, account="DE02")

    assert states(REGISTERED, own, account="DE01")[3] == "ACKNOWLEDGED"
    assert states(REGISTERED, other, account="DE01")[3] == "NOTIFIED"
    assert states(event(Kind.REGISTERED, 1, account="DE01"), other)[3] == "NOTIFIED"
    assert states(REGISTERED, own, changed, account="DE01")[3] == "NOTIFIED"
    again = event(Kind.ACKNOWLEDGED, 11, BETA, account="DE02")
    assert states(REGISTERED, own, changed, again, account="DE01")[3] == "ACKNOWLEDGED"


def test_a_refusal_precedes_every_other_assignment_until_the_debtor_acknowledges_or_it_is_released():
    refused = [event(Kind.REGISTERED, 2), event(Kind.REFUSED, 3, BETA, reason="goods returned")]
    acknowledged = [REGISTERED, event(Kind.ACKNOWLEDGED, 2)]

    def with_others(*events):
        records = PoolRecords(assignments=[acknowledged, [*refused, *events]])
        return State(int(best_assignments(ledger(), records, day_of(on(100)), "EUR").state[3]))

    assert with_others() == State.REFUSED
    assert with_others(event(Kind.ACKNOWLEDGED, 4, BETA)) == State.ACKNOWLEDGED
    assert with_others(event(Kind.RELEASED, 4)) == State.ACKNOWLEDGED


def test_a_registration_expires_after_its_last_day_and_ranks_again_from_its_renewal():
    first, renewed = event(Kind.REGISTERED, 1, expire=on(10)), event(Kind.REGISTERED, 20, expire=on(30))
    in_time = event(Kind.REGISTERED, 10, expire=on(30))

    assert states(first, day=10) == ["REGISTERED"] * 5
    assert states(first, day=11) == ["EXPIRED"] * 5
    assert states(first, renewed, day=25) == ["REGISTERED"] * 5
    assert set(facts(first, renewed, day=25).registered_us.tolist()) == {day_of(on(20)) * DAY_US}
    assert set(facts(first, in_time, day=25).registered_us.tolist()) == {day_of(on(1)) * DAY_US}
    assert states(first, event(Kind.EXPIRED, 5), day=6) == ["EXPIRED"] * 5


@pytest.mark.parametrize("end", [event(Kind.EXPIRED, 5), event(Kind.REGISTERED, 5, expire=on(5))])
@pytest.mark.parametrize("renewed", [(), (event(Kind.REGISTERED, 20),)])
def test_a_refusal_outlasts_the_registration_and_its_renewal(end, renewed):
    refused = event(Kind.REFUSED, 3, BETA, reason="goods returned")

    assert states(REGISTERED, refused, end, *renewed)[3] == "REFUSED"


@pytest.mark.parametrize(
    "registered", [(REGISTERED, event(Kind.EXPIRED, 5)), (event(Kind.REGISTERED, 1, expire=on(5)),)]
)
@pytest.mark.parametrize(
    "late",
    [
        event(Kind.NOTICE_DELIVERED, 9),
        event(Kind.ACKNOWLEDGED, 9),
        event(Kind.ACKNOWLEDGED, 9, InvoiceScope("acme", ("A1",)), amount=Money(100, "EUR")),
        event(Kind.ACCOUNT_CHANGED, 9, account="DE02"),
    ],
)
def test_an_expired_registration_is_revived_by_its_renewal_only(registered, late):
    renewed = facts(*registered, late, event(Kind.REGISTERED, 20))

    assert states(*registered, late) == ["EXPIRED"] * 5
    assert set(renewed.state.tolist()) == {State.REGISTERED}
    assert set(renewed.registered_us.tolist()) == {day_of(on(20)) * DAY_US}


def test_an_acknowledgement_ends_a_refusal_but_not_the_expiry_that_it_outlasted():
    refused = (REGISTERED, event(Kind.REFUSED, 3, reason="x"), event(Kind.EXPIRED, 5))
    acknowledged, renewed = event(Kind.ACKNOWLEDGED, 9, BETA), event(Kind.REGISTERED, 7)

    assert states(*refused, acknowledged)[3] == "EXPIRED"
    found = facts(*refused, renewed, acknowledged)
    assert (found.state[3], found.registered_us[3]) == (State.ACKNOWLEDGED, day_of(on(7)) * DAY_US)


@pytest.mark.parametrize("last_day", [None, on(50)])
def test_a_renewal_of_a_part_extends_that_part_only(last_day):
    first = event(Kind.REGISTERED, 1, ACME, BETA, expire=on(10))
    renewed = event(Kind.REGISTERED, 5, ACME, expire=last_day)

    assert states(first, renewed, day=40) == ["REGISTERED"] * 3 + ["EXPIRED", "NONE"]
    assert states(first, renewed, day=10) == ["REGISTERED"] * 4 + ["NONE"]
    assert set(facts(first, renewed, day=40).registered_us[:3].tolist()) == {day_of(on(1)) * DAY_US}
    assert states(first, renewed, event(Kind.RELEASED, 6), day=40) == ["NONE"] * 5
    assert states(first, renewed, event(Kind.REGISTERED, 7), day=40) == ["REGISTERED"] * 4 + ["NONE"]


def test_a_registration_of_further_invoices_adds_them_to_the_assignment():
    first, added = event(Kind.REGISTERED, 1, ACME), event(Kind.REGISTERED, 5, BETA)

    assert states(first, added, event(Kind.NOTICE_DELIVERED, 6)) == ["NOTIFIED"] * 4 + ["NONE"]


def test_an_expiry_of_a_part_expires_that_part_only():
    assert states(REGISTERED, event(Kind.EXPIRED, 5, BETA)) == ["REGISTERED"] * 3 + ["EXPIRED", "REGISTERED"]


def test_an_expired_registration_can_be_refused_and_released():
    expired = (REGISTERED, event(Kind.EXPIRED, 5))

    assert states(*expired, event(Kind.REFUSED, 6, BETA, reason="x"), event(Kind.RELEASED, 7, ACME)) == [
        *["NONE"] * 3,
        "REFUSED",
        "EXPIRED",
    ]


def test_the_newest_search_states_who_registered_earlier():
    own_us = day_of(on(1)) * DAY_US
    found = (
        EarlierAssignment("bank of the first", (ACME,), own_us - 1),
        EarlierAssignment("bank of the second", (BETA,), own_us + 1),
        EarlierAssignment("bank without a time", (InvoiceScope("vat:DE1"),)),
    )
    old, new, later = (RegistrySearch(on(day), "zdw", found if day == 5 else ()) for day in (4, 5, 200))

    one = facts(REGISTERED, searches=[new, old, later])

    assert one.earlier_assignee.tolist() == [True, True, True, False, True]
    assert set(one.search_day.tolist()) == {day_of(on(5))}
    assert not facts(REGISTERED, searches=[old]).earlier_assignee.any()
    assert set(facts(REGISTERED).search_day.tolist()) == {NO_DAY}


def test_a_search_of_one_registry_leaves_what_another_one_found():
    found = (EarlierAssignment("bank of the first", (ACME,)),)
    searches = [RegistrySearch(on(5), "zhongdeng", found), RegistrySearch(on(9), "companies house")]

    assert facts(REGISTERED, searches=searches).earlier_assignee.tolist() == [True] * 3 + [False] * 2
    later = RegistrySearch(on(10), "Zhong-Deng")
    assert not facts(REGISTERED, searches=[*searches, later]).earlier_assignee.any()


def days_of_searches(*events, **options):
    searches = [RegistrySearch(on(5), "ZDW "), RegistrySearch(on(9), "companies house")]
    return facts(*events, searches=searches, **options).search_day.tolist()


def test_an_invoice_is_attested_by_a_search_of_the_registry_of_its_assignment():
    by_zdw, by_other, none = day_of(on(5)), day_of(on(9)), NO_DAY
    here, elsewhere = event(Kind.REGISTERED, 1, ACME), event(Kind.REGISTERED, 2, BETA, registry="Companies House")

    assert days_of_searches(here, elsewhere) == [by_zdw] * 3 + [by_other] * 2
    assert days_of_searches(here, event(Kind.EXPIRED, 3)) == [by_zdw] * 3 + [by_other] * 2
    assert days_of_searches(event(Kind.REGISTERED, 1, registry="a third one")) == [none] * 5
    assert days_of_searches() == [by_other] * 5


def test_of_several_assignments_the_earliest_in_force_names_the_registry():
    first, second = event(Kind.REGISTERED, 1, ACME), event(Kind.REGISTERED, 2, registry="companies house")

    def days(*assignments):
        searches = [RegistrySearch(on(5), "zdw"), RegistrySearch(on(9), "companies house")]
        records = PoolRecords(assignments=assignments, searches=searches)
        found = best_assignments(ledger(), records, day_of(on(100)), "EUR").search_day
        return [int(day - day_of(FIRST)) for day in found]

    assert days([first], [second]) == days([second], [first]) == [5, 5, 5, 9, 9]
    expired = event(Kind.EXPIRED, 3)
    assert days([first, expired], [second]) == days([second], [first, expired]) == [9] * 5


def test_terms_of_contracts_and_exclusions_concern_their_invoices():
    terms = [ContractTerms(assignment_barred=False), ContractTerms(assignment_barred=True, scopes=(BETA,))]
    excluded = [Exclusion((InvoiceScope("acme", ("A1",)),), "in doubt", on(50)), Exclusion((BETA,), "in doubt")]

    assert facts(terms=terms).bars_assignment.tolist() == [0, 0, 0, 1, 0]
    assert facts(terms=terms[1:]).bars_assignment.tolist() == [-1, -1, -1, 1, -1]
    assert facts(exclusions=excluded, day=50).excluded_manually.tolist() == [True, False, False, True, False]
    assert facts(exclusions=excluded, day=51).excluded_manually.tolist() == [False, False, False, True, False]


def test_a_scope_finds_the_invoices_of_its_debtor_in_every_spelling():
    scope = InvoiceScope("lei:5493001KJTIIGC8Y1R12")
    keys = {"acme": 7, "vat:DE1": 7, scope.debtor: 7, "beta": 8}

    found = states(event(Kind.REGISTERED, 1, scope), debtor_of=keys)

    assert found == ["REGISTERED"] * 3 + ["NONE", "REGISTERED"]


def test_the_rows_of_random_scopes_are_those_of_a_search_through_all_invoices():
    draw = np.random.default_rng(15)
    debtors, numbers = ("acme", "acme gmbh", "beta", "delta"), tuple(str(number) for number in range(20))
    keys = {"acme": 7, "acme gmbh": 7, "beta": 8}
    pairs = {(str(draw.choice(debtors)), str(draw.choice(numbers))) for _ in range(60)}
    pool = pool_of(*(OpenInvoice(number, debtor) for debtor, number in pairs)).ledger
    invoices = Invoices(pool, keys, "EUR")
    stated = list(zip(pool.debtor.tolist(), pool.invoice_number.tolist(), strict=True))

    def is_in(scope, debtor, number):
        is_same = keys.get(scope.debtor, scope.debtor) == keys.get(debtor, debtor)
        return is_same and (not scope.invoice_numbers or number in scope.invoice_numbers)

    for _ in range(200):
        scopes = [
            InvoiceScope(str(draw.choice([*debtors, "other"])), tuple(draw.choice(numbers, draw.integers(4)).tolist()))
            for _ in range(draw.integers(1, 6))
        ]
        slow = [row for row, pair in enumerate(stated) if any(is_in(scope, *pair) for scope in scopes)]
        assert invoices.rows(scopes).tolist() == slow


def test_each_invoice_number_is_read_once_however_many_scopes_there_are():
    class CountedText(str):
        __slots__ = ()

        def __hash__(self):
            read.append(self)
            return super().__hash__()

    plain, read = pool_of(*(OpenInvoice(str(number), "acme") for number in range(40))).ledger, []
    counted = np.array([CountedText(number) for number in plain.invoice_number.tolist()], dtype=object)
    invoices = Invoices(replace(plain, invoice_number=counted), {}, "EUR")

    found = [invoices.rows([InvoiceScope("acme", (str(number),)) for number in range(30)]) for _ in range(5)]

    assert all(len(rows) == 30 for rows in found)
    assert len(read) == 40


def test_the_state_of_a_whole_assignment_ignores_what_concerns_a_part():
    events = [
        event(Kind.REGISTERED, 1, ACME),
        event(Kind.NOTICE_DELIVERED, 2),
        event(Kind.REFUSED, 3, ACME, reason="x"),
    ]

    assert state_of(events, day_of(on(9))) == State.NOTIFIED
    assert state_of([*events, event(Kind.ACKNOWLEDGED, 4)], day_of(on(9))) == State.ACKNOWLEDGED
    assert state_of(events, day_of(on(0))) == State.NONE


def test_the_state_of_a_whole_assignment_ignores_the_renewal_of_a_part():
    first = event(Kind.REGISTERED, 1, ACME, InvoiceScope("beta", ("B1", "B2")), expire=on(10))

    def renewed(*scopes):
        return state_of([first, event(Kind.REGISTERED, 5, *scopes)], day_of(on(20)))

    assert renewed(ACME) == renewed(InvoiceScope("acme", ("A1",)), BETA) == State.EXPIRED
    assert renewed(ACME, InvoiceScope("beta", ("B1",))) == State.EXPIRED
    assert renewed() == renewed(BETA, ACME) == renewed(*first.scopes) == State.REGISTERED
    whole = event(Kind.REGISTERED, 1, expire=on(10))
    assert state_of([whole, event(Kind.REGISTERED, 5, ACME)], day_of(on(20))) == State.EXPIRED


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (Kind.NOTICE_SENT, {"registry": "zdw"}, "registry"),
        (Kind.NOTICE_SENT, {"amount": Money(1, "EUR")}, "amount"),
        (Kind.REFUSED, {}, "reason"),
        (Kind.ACCOUNT_CHANGED, {}, "account"),
        (Kind.REGISTERED, {"registry": ""}, "registry"),
        (Kind.REGISTERED, {"expire": on(0)}, "registration_expire_date"),
    ],
)
def test_an_event_has_the_fields_of_its_kind(kind, fields, wrong):
    with pytest.raises(InvalidInput) as refused:
        event(kind, 1, **fields)
    assert refused.value.field == wrong
