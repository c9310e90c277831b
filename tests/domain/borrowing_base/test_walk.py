"""The difference of a submitted and a recomputed base, step by step."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.borrowing_base.walk import (
    ClassStatement,
    Statement,
    WalkStep,
    WalkTerm,
    walk,
)
from tests.support.receivables import computed, example_pool
from valuation.errors import InvalidInput
from valuation.money import PPM

INVENTORY = ClassStatement(26_000_000, rate_ppm=PPM)
EQUIPMENT = ClassStatement(50_000_000, rate_ppm=800_000)
IP = ClassStatement(20_000_000, rate_ppm=250_000)


def example() -> tuple[Statement, Statement]:
    """The example pool at 85 %, as its owner states it and as recomputed with dilution of 8.2 % above 5 %."""
    found = computed(example_pool()).conservative
    by_rule = {rule.name: amount for rule, amount in found.by_rule().items()}
    owner = {name: amount for name, amount in by_rule.items() if name != "CONCENTRATION"}
    ours = {**owner, "UNKNOWN": int(found.unknown_minor.sum()), "CONCENTRATION": by_rule["CONCENTRATION"]}
    gross = int(found.open_minor.sum())
    submitted = Statement(
        {
            "receivables": ClassStatement(gross, owner, 850_000),
            "inventory": INVENTORY,
            "equipment": EQUIPMENT,
            "ip": IP,
        }
    )
    recomputed = Statement(
        {
            "receivables": ClassStatement(gross, ours, 818_000),
            "inventory": INVENTORY,
            "equipment": replace(EQUIPMENT, share_ppm=300_000),
            "ip": replace(IP, share_ppm=50_000),
        },
        reserves_minor=4_981_025,
    )
    return submitted, recomputed


def test_the_difference_of_the_example_is_explained_to_the_cent():
    submitted, recomputed = example()

    assert (submitted.base_minor, recomputed.base_minor) == (123_317_500, 84_243_697)
    assert recomputed.classes["receivables"].amount_minor == 31_996_070
    assert walk(submitted, recomputed) == (
        WalkStep(WalkTerm.EXCLUSION, "receivables", "UNKNOWN", -7_650_000),
        WalkStep(WalkTerm.EXCLUSION, "receivables", "CONCENTRATION", -11_419_750),
        WalkStep(WalkTerm.RATE, "receivables", "", -1_251_680),
        WalkStep(WalkTerm.SUBLIMITS, "", "", -13_771_348),
        WalkStep(WalkTerm.RESERVES, "", "", -4_981_025),
    )


def test_equal_statements_need_no_step_and_a_missing_class_or_rule_is_zero():
    with_zeros = {"a": ClassStatement(100, {"OVER_AGE": 0}, PPM), "b": ClassStatement()}

    assert walk(*example()[:1] * 2) == ()
    assert walk(Statement({"a": ClassStatement(100, {}, PPM)}), Statement(with_zeros)) == ()


def test_a_class_that_only_one_statement_names_is_explained():
    submitted = Statement({"a": ClassStatement(100, rate_ppm=PPM), "b": ClassStatement(50, {"MANUAL": 10}, PPM)})

    steps = walk(submitted, Statement({"a": ClassStatement(100, rate_ppm=PPM)}))

    assert {step.class_name for step in steps} == {"b"}
    assert sum(step.change_minor for step in steps) == -40


amounts = st.integers(0, 10_000)
classes = st.builds(
    ClassStatement,
    amounts,
    st.dictionaries(st.sampled_from(["OVER_AGE", "PAST_DUE", "CONCENTRATION"]), amounts),
    st.integers(0, PPM),
    st.none() | amounts,
    st.sampled_from([50_000, 333_333, PPM]),
)
statements = st.builds(Statement, st.dictionaries(st.sampled_from("abc"), classes), amounts)


@given(statements, statements)
def test_the_steps_sum_to_the_difference(submitted, recomputed):
    changes = sum(step.change_minor for step in walk(submitted, recomputed))

    assert changes == recomputed.base_minor - submitted.base_minor


@given(statements, statements)
def test_a_walk_names_each_term_once_in_the_order_of_the_base(submitted, recomputed):
    steps = walk(submitted, recomputed)
    of_class = [step for step in steps if step.class_name]

    assert len({(step.term, step.class_name, step.rule) for step in steps}) == len(steps)
    assert list(steps) == of_class + sorted((s for s in steps if not s.class_name), key=lambda step: step.term)


@pytest.mark.parametrize("fields", [{"gross_minor": -1}, {"excluded_minor": {"MANUAL": -1}}, {"rate_ppm": PPM + 1}])
def test_statements_outside_their_ranges_are_refused(fields):
    with pytest.raises(InvalidInput):
        ClassStatement(**fields)
