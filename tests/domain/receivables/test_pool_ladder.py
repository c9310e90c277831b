"""The ladder of a pool: each rule from stored facts, unknown facts, both sums, and the statement."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.receivables.pool_ladder import ladder
from tests.support.invoice_pools import (
    ALONE,
    TERMS,
    TODAY,
    Balance,
    KnownDebtor,
    OpenInvoice,
    buckets,
    ladder_of,
    numbers,
    pool_of,
    statement_of,
    value_of,
    valued,
)
from valuation.flags import QualityFlag, UnknownReason
from valuation.receivables.rules import Rule


def invoice(**fields) -> OpenInvoice:
    return OpenInvoice("1", **fields)


@pytest.mark.parametrize(
    ("bucket", "fields"),
    [
        ("eligible", {}),
        ("NOT_DELIVERED", {"delivered": 1}),
        ("NOT_DELIVERED", {"type_code": 386}),
        ("NOT_DELIVERED", {"delivered": None}),
        ("BILL_CLAIM", {"flags": InvoiceFlag.BILL}),
        ("FACTORED_ELSEWHERE", {"type_code": 393}),
        ("FACTORED_ELSEWHERE", {"flags": InvoiceFlag.OTHER_PAYEE}),
        ("CONSIGNMENT", {"type_code": 395}),
        ("PROGRESS_BILLING", {"type_code": 876}),
        ("OVER_AGE", {"issued": -91}),
        ("eligible", {"issued": -90}),
        ("PAST_DUE", {"due": -61, "issued": -80}),
        ("eligible", {"due": -60, "issued": -80}),
        ("TENOR", {"due": 161, "issued": -20}),
        ("CERTIFICATE_TENOR", {"flags": InvoiceFlag.CERTIFICATE, "due": 400}),
        ("ASSIGNMENT_BARRED", {"bars": 1}),
        ("NOT_ASSIGNED", {"state": AssignmentState.NONE}),
        ("JUNIOR_ASSIGNMENT", {"earlier_assignee": True}),
        ("REFUSED", {"state": AssignmentState.REFUSED}),
        ("RE_AGED", {"flags": InvoiceFlag.RE_INVOICED}),
        ("RE_AGED", {"flags": InvoiceFlag.DUE_DATE_MOVED_LATE}),
        ("unknown RE_AGED", {"flags": InvoiceFlag.DATED_LATER_IN_HINDSIGHT}),
        ("CURRENCY_BARRED", {"currency": "USD"}),
        ("MANUAL", {"manual": True}),
        ("unknown DEBTOR_INSOLVENT", {"debtor": "unregistered"}),
        ("unknown PAST_DUE", {"due": None}),
        ("unknown OVER_AGE", {"issued": None}),
        ("unknown NOT_DELIVERED", {"type_code": 0}),
        ("unknown FACTORED_ELSEWHERE", {"searched": None}),
        ("unknown FACTORED_ELSEWHERE", {"searched": -31}),
        ("eligible", {"searched": -30}),
        ("unknown NOT_ASSIGNED", {"state": AssignmentState.EXPIRED}),
        ("eligible", {"bars": -1}),
    ],
)
def test_a_fact_of_an_invoice_puts_it_into_one_bucket(bucket, fields):
    changed = {**ALONE, "tenor_days": "3650"} if "CERTIFICATE" in bucket else ALONE

    assert buckets(invoice(**fields), changed=changed) == {bucket: 100_000}


@pytest.mark.parametrize(
    ("bucket", "fields"),
    [
        ("DEBTOR_INSOLVENT", {"state": 2}),
        ("DEBTOR_INSOLVENT", {"state": 3}),
        ("AFFILIATE", {"group": 900}),
        ("FOREIGN_UNINSURED", {"country": "FR"}),
        ("unknown FOREIGN_UNINSURED", {"country": ""}),
        ("CONSUMER", {"kind": 3}),
        ("unknown CONSUMER", {"kind": 0}),
        ("eligible", {"kind": 2}),
    ],
)
def test_a_fact_of_a_debtor_decides_all_of_its_invoices(bucket, fields):
    pool = {"debtors": {"globex": KnownDebtor(1, **fields)}}

    assert buckets(OpenInvoice("1"), OpenInvoice("2"), **pool) == {bucket: 200_000}


def test_an_invoice_to_a_government_may_be_older_and_may_need_a_consent():
    government = {"debtors": {"globex": KnownDebtor(1, kind=2)}}

    assert buckets(invoice(issued=-120), **government) == {"eligible": 100_000}
    assert buckets(invoice(issued=-121), **government) == {"OVER_AGE": 100_000}
    changed = {**ALONE, "government_consent_required": "1"}
    assert buckets(invoice(), **government, changed=changed) == {"GOVERNMENT": 100_000}


def test_partial_rules_leave_the_rest_of_an_invoice():
    held = {"retention": 1_000, "disputed": 2_000}
    balances = {"globex": Balance(unapplied=3_000, contra=4_000)}
    line = {"globex": KnownDebtor(1, line_left=60_000)}

    assert buckets(invoice(**held), balances=balances, debtors=line) == {
        "RETENTION": 1_000,
        "DISPUTED": 2_000,
        "UNAPPLIED_CREDIT": 3_000,
        "CONTRA": 4_000,
        "DEBTOR_LINE": 30_000,
        "eligible": 60_000,
    }
    assert buckets(invoice(retention=1_000, retention_day=0)) == {"eligible": 100_000}


@pytest.mark.parametrize(
    ("country", "limits", "expected"),
    [
        ("DE", {}, {"eligible": 100_000}),
        ("DE", {"covered": 60_000, "insured": 60_000}, {"INSURED_LIMIT": 40_000, "eligible": 60_000}),
        ("DE", {"insured": 60_000}, {"INSURED_LIMIT": 40_000, "eligible": 60_000}),
        ("FR", {"insured": 60_000}, {"FOREIGN_UNINSURED": 100_000}),
        ("FR", {"covered": 60_000, "insured": 60_000}, {"FOREIGN_UNINSURED": 40_000, "eligible": 60_000}),
        ("", {"covered": 60_000, "insured": 60_000}, {"FOREIGN_UNINSURED": 40_000, "eligible": 60_000}),
        ("", {}, {"unknown FOREIGN_UNINSURED": 100_000}),
        ("DE", {"permitted": 0}, {"DEBTOR_LIMIT": 100_000}),
        ("DE", {"permitted": 100_000}, {"eligible": 100_000}),
        (
            "DE",
            {"covered": 70_000, "insured": 70_000, "permitted": 50_000, "line_left": 20_000},
            {"INSURED_LIMIT": 30_000, "DEBTOR_LIMIT": 20_000, "DEBTOR_LINE": 30_000, "eligible": 20_000},
        ),
    ],
)
def test_what_exceeds_a_limit_of_a_debtor_does_not_count(country, limits, expected):
    debtors = {"globex": KnownDebtor(1, country=country, **limits)}

    assert buckets(OpenInvoice("1", open=40_000), OpenInvoice("2", open=60_000), debtors=debtors) == expected


def test_the_latest_invoice_of_a_debtor_bears_what_exceeds_its_limit():
    invoices = [OpenInvoice("1", due=50), OpenInvoice("2", due=10)]

    found = ladder_of(*invoices, debtors={"globex": KnownDebtor(1, permitted=120_000)}, changed=ALONE)

    assert found.conservative.buckets.cut_minor[Rule.DEBTOR_LIMIT].tolist() == [80_000, 0]


def test_an_unknown_invoice_takes_nothing_of_a_limit_and_counts_within_it_once_it_was_good():
    invoices = OpenInvoice("1", searched=-31, due=10), OpenInvoice("2", due=50)
    found = ladder_of(*invoices, debtors={"globex": KnownDebtor(1, permitted=120_000)}, changed=ALONE)

    assert found.conservative.buckets.eligible_minor.tolist() == [0, 100_000]
    assert found.last_good.buckets.eligible_minor.tolist() == [100_000, 20_000]


def test_an_invoice_that_is_not_issued_yet_puts_no_other_of_its_debtor_in_doubt():
    good, tomorrow = OpenInvoice("1", open=10_000), OpenInvoice("2", open=90_000, issued=1)

    assert buckets(good, tomorrow) == {"unknown OVER_AGE": 90_000, "eligible": 10_000}


def test_late_invoices_of_a_debtor_exclude_its_others_whatever_text_names_it():
    debtors = {"globex": KnownDebtor(1), "vat:DE1": KnownDebtor(1), "hooli": KnownDebtor(2)}
    late, other = OpenInvoice("1", issued=-100), OpenInvoice("2", debtor="vat:DE1")

    found = buckets(late, other, OpenInvoice("3", debtor="hooli"), debtors=debtors)

    assert found == {"OVER_AGE": 100_000, "CROSS_AGE": 100_000, "eligible": 100_000}


def test_the_share_of_a_group_is_limited_and_its_latest_invoice_bears_the_cut():
    debtors = {name: KnownDebtor(key, group=7 if name != "hooli" else 9) for key, name in enumerate("ab", 1)}
    debtors["hooli"] = KnownDebtor(9)
    invoices = [OpenInvoice("1", "a", due=10), OpenInvoice("2", "b", due=50), OpenInvoice("3", "hooli", 200_000)]

    found = ladder_of(*invoices, debtors=debtors, changed={"concentration_mode": "2", "concentration_share": "0.40"})

    assert found.conservative.buckets.cut_minor[Rule.CONCENTRATION].tolist() == [0, 40_000, 40_000]


def test_a_balance_owed_to_the_debtor_that_is_old_makes_its_invoices_unknown():
    old = {"balances": {"globex": Balance(contra=10_000, contra_day=-36)}}

    assert buckets(invoice(), **old) == {"unknown CONTRA": 100_000}
    assert ladder_of(invoice(), **old).last_good.buckets.eligible_minor.tolist() == [90_000]


@pytest.mark.parametrize(("amount", "rule"), [("unapplied", "UNAPPLIED_CREDIT"), ("contra", "CONTRA")])
def test_a_balance_in_another_currency_makes_the_invoices_of_its_debtor_unknown_and_never_known(amount, rule):
    debtors = {"globex": KnownDebtor(1), "vat:DE1": KnownDebtor(1), "hooli": KnownDebtor(2)}
    pool = {"debtors": debtors, "balances": {"vat:DE1": Balance(**{amount: 1}, currency="USD")}}
    invoices = invoice(), OpenInvoice("2", "hooli")

    assert buckets(*invoices, **pool) == {f"unknown {rule}": 100_000, "eligible": 100_000}
    assert ladder_of(*invoices, **pool).last_good.buckets.eligible_minor.tolist() == [0, 100_000]
    assert value_of(*invoices, **pool).unknown_part == UnknownReason.MISSING_INPUT


@pytest.mark.parametrize(
    ("fields", "last_good"),
    [
        ({"searched": -31}, 100_000),
        ({"state": AssignmentState.EXPIRED}, 100_000),
        ({"searched": None}, 0),
        ({"due": None}, 0),
        ({"debtor": "unregistered"}, 0),
    ],
)
def test_last_good_counts_an_invoice_by_aged_facts_and_not_by_facts_that_were_never_stated(fields, last_good):
    found = ladder_of(invoice(**fields))

    assert found.conservative.buckets.eligible_minor.tolist() == [0]
    assert found.last_good.buckets.eligible_minor.tolist() == [last_good]
    assert value_of(invoice(**fields)).quality & QualityFlag.PART_UNKNOWN


def test_reasons_of_the_unknown_part_name_the_facts():
    found = value_of(OpenInvoice("1", searched=-31), OpenInvoice("2", due=None))

    assert found.unknown_part == UnknownReason.ATTESTATION_STALE | UnknownReason.MISSING_INPUT
    assert found.unknown == 0


def test_a_settled_invoice_makes_nothing_unknown_and_bears_no_rule():
    settled = OpenInvoice("1", open=0, due=None), OpenInvoice("2", open=0, issued=-200, face=500)
    found, statement = value_of(*settled, OpenInvoice("3")), statement_of(*settled, OpenInvoice("3"))

    assert (found.unknown, found.unknown_part) == (0, 0)
    assert (dict(statement.excluded), dict(statement.unknown)) == ({}, {})


def test_a_pool_whose_feed_is_silent_is_unknown_as_a_whole():
    assert value_of(invoice(), entry_day=-4).unknown == UnknownReason.LEDGER_STALE
    assert value_of(invoice(), entry_day=-3).unknown == 0
    assert value_of(invoice(), entry_day=-4, terms=replace(TERMS, is_fed=False)).unknown == 0


def test_the_state_of_the_assignment_sets_the_advance_rate_and_parts():
    states = (AssignmentState.REGISTERED, AssignmentState.NOTIFIED, AssignmentState.ACKNOWLEDGED)
    both = {"globex": KnownDebtor(1), "core": KnownDebtor(2, core=True)}
    firm = [OpenInvoice(str(place), state=state) for place, state in enumerate(states)]
    core = OpenInvoice("9", "core", state=AssignmentState.ACKNOWLEDGED)

    found = ladder_of(*firm, core, debtors=both)

    rates = dict(zip(found.pool.ledger.invoice_number.tolist(), found.part.advance_ppm.tolist(), strict=True))
    assert rates == {"0": 700_000, "1": 800_000, "2": 850_000, "9": 900_000}
    assert sorted(found.parts.legal.tolist()) == [0.0, 0.0, 0.02, 0.05]


def test_dilution_acts_in_the_value_or_in_the_advance_rate_and_never_in_both():
    terms = replace(TERMS, dilution=0.08)
    ladders = [ladder_of(invoice(), terms=terms, changed={**ALONE, "dilution_place": place}) for place in "123"]
    in_value, in_advance, reserved = (int(one.conservative.recoverable_minor.sum()) for one in ladders)

    assert in_value < in_advance == reserved
    assert [one.part.advance_ppm.tolist() for one in ladders] == [[800_000], [770_000], [800_000]]


def test_a_confirmed_invoice_of_a_strong_debtor_lends_its_advance_rate():
    """Example 5b: 75 days, tail 10 of them, dilution 3 %, PD 1 %, LGD 40 %, 5 %."""
    strong = {"globex": KnownDebtor(1, pd=0.012)}
    terms = replace(TERMS, dilution=0.02, value_part=0.01)
    one = invoice(open=10_000_000, due=50, state=AssignmentState.ACKNOWLEDGED)
    found = value_of(one, terms=terms, debtors=strong).conservative

    assert found.lendable_minor == 8_500_000
    assert found.cap == pytest.approx(8_500_000 / found.recoverable_minor)


def test_the_cap_and_the_floor_of_the_class_bound_what_the_pool_lends():
    pool = {"changed": {**ALONE, "cap": "0.5"}}
    invoices = invoice(), OpenInvoice("2", open=99_999)
    capped, lent = value_of(*invoices, **pool).conservative, ladder_of(*invoices, **pool).conservative.lendable

    assert capped.lendable_minor == capped.recoverable_minor // 2
    assert lent.share_minor.sum() == lent.total_minor == capped.lendable_minor


def test_the_policy_orders_the_rules_and_the_order_changes_no_eligible_amount():
    both = {"type_code": 395, "manual": True}

    assert buckets(invoice(**both)) == {"CONSIGNMENT": 100_000}
    assert buckets(invoice(**both), changed={**ALONE, "rule_order_22": "0"}) == {"MANUAL": 100_000}


def test_a_statement_lists_ages_and_the_largest_debtors():
    debtors = {name: KnownDebtor(key) for key, name in enumerate(("a", "b"), 1)}
    invoices = [
        OpenInvoice("1", "a", 10, due=0),
        OpenInvoice("2", "a", 20, due=-1),
        OpenInvoice("3", "b", 400, due=-90, issued=-90, face=500),
        OpenInvoice("4", "b", 5, due=None),
    ]

    found = statement_of(*invoices, debtors=debtors)

    assert found.ages == (10, 20, 0, 400, 0, 5)
    assert [(one.debtor, one.open_minor) for one in found.debtors] == [("b", 405), ("a", 30)]
    assert (found.face_minor, found.settled_minor, found.open_minor) == (535, 100, 435)


def test_a_pool_of_which_nothing_is_known_to_count_is_unknown_as_a_whole():
    known = OpenInvoice("2", state=AssignmentState.NONE)

    assert value_of(OpenInvoice("1", due=None), known).unknown == UnknownReason.MISSING_INPUT
    assert value_of(known).unknown == 0
    assert value_of(OpenInvoice("1", searched=-31), known).unknown == 0


def test_an_empty_pool_lends_nothing():
    found = value_of()

    assert (found.conservative.recoverable_minor, found.conservative.cap, found.unknown) == (0, 0.0, 0)
    assert value_of(terms=replace(TERMS, is_fed=False)).unknown == UnknownReason.MISSING_INPUT
    assert statement_of().open_minor == 0


facts = st.builds(
    OpenInvoice,
    number=st.just(""),
    debtor=st.sampled_from(["globex", "hooli", "unregistered"]),
    open=st.integers(0, 200_000),
    issued=st.integers(-120, -1),
    due=st.none() | st.integers(-90, 200),
    type_code=st.sampled_from([0, 380, 380, 380, 395]),
    disputed=st.sampled_from([0, 0, 5_000]),
    state=st.sampled_from(AssignmentState),
    searched=st.sampled_from([None, -1, -1, -40]),
    manual=st.sampled_from([False, False, True]),
)


@settings(max_examples=60)
@given(st.lists(facts, max_size=12), st.sampled_from("1234"), st.integers(0, 150_000))
def test_every_minor_unit_is_in_one_bucket_and_nothing_lends_more_than_its_advance(invoices, mode, contra):
    numbered = [replace(one, number=str(place)) for place, one in enumerate(invoices)]
    debtors = {"globex": KnownDebtor(1, line_left=250_000), "hooli": KnownDebtor(2)}
    pool = pool_of(*numbered, debtors=debtors, balances={"hooli": Balance(contra=contra)})
    found = ladder(pool, numbers(concentration_mode=mode), TODAY)
    one = found.conservative

    value, statement = valued(pool, numbers(concentration_mode=mode))
    assert statement.open_minor == sum(item.open for item in invoices)
    assert sum(statement.ages) == statement.open_minor
    eligible, lent = one.buckets.eligible_minor, one.lendable.share_minor
    assert (one.recoverable_minor <= eligible).all()
    assert (lent <= np.ceil(eligible * found.part.advance_ppm / 1e6)).all()
    assert lent.sum() == one.lendable.total_minor == value.conservative.lendable_minor
    assert value.conservative.lendable_minor <= value.conservative.recoverable_minor == one.recoverable_minor.sum()
    assert statement.last_good_minor >= 0


def test_an_old_bound_of_the_misstatement_counts_only_where_it_exceeds_that_of_the_policy():
    limit = numbers().days("verification_max_age_days")

    def value_part(bound, age_days):
        terms = replace(TERMS, value_part=bound, verification_day=TODAY - age_days)
        return float(
            ladder(pool_of(OpenInvoice("1"), terms=terms), numbers(value_haircut="0.05"), TODAY).parts.value[0]
        )

    assert [value_part(bound, limit) for bound in (0.02, 0.4)] == [0.02, 0.4]
    assert [value_part(bound, limit + 1) for bound in (0.02, 0.4, float("nan"))] == [0.05, 0.4, 0.05]
