"""The lines of a class: sums of the lines of its claims by cause, in the order of the steps."""

from collateral_registry.domain.borrowing_base.class_lines import (
    Cause,
    ClaimLine,
    ClassStep,
    Lending,
    PoolShare,
    class_lines,
    lending_lines,
    market_lines,
)

LATE = Cause(ClassStep.EXCLUSION, 9, "Late.", "逾期。")


def test_lines_with_the_same_cause_are_summed_and_name_the_pools_that_bear_them():
    of_pools = [ClaimLine(LATE, PoolShare(name, amount, 2)) for name, amount in (("acme", -30), ("globex", -5))]
    gross = [ClaimLine(Cause(ClassStep.GROSS), PoolShare(name, 100)) for name in ("acme", "globex")]

    found = class_lines([*of_pools, *market_lines(50, 40), *gross])

    assert [(line.cause.step, line.amount_minor) for line in found] == [
        (ClassStep.GROSS, 250),
        (ClassStep.EXCLUSION, -35),
        (ClassStep.RATE, -10),
    ]
    assert [one.asset_id for one in found[0].pools] == ["acme", "globex"]
    assert found[1].pools == (PoolShare("acme", -30, 2), PoolShare("globex", -5, 2))


def test_a_sentence_with_other_numbers_is_a_line_of_its_own():
    stricter = Cause(LATE.step, LATE.rule, "Later.", "更晚。")

    found = class_lines([ClaimLine(cause, PoolShare("acme", -1)) for cause in (stricter, LATE)])

    assert [line.cause.english for line in found[1:]] == ["Late.", "Later."]


def test_a_class_without_claims_has_a_gross_amount_of_nothing():
    assert [(line.cause.step, line.amount_minor) for line in class_lines([])] == [(ClassStep.GROSS, 0)]


def test_the_lines_of_a_pool_end_at_what_the_loan_claims_or_at_nothing_if_the_pool_is_unknown():
    lending = Lending(eligible_minor=1000, recoverable_minor=950, lendable_minor=760, claimed_minor=380)

    known = lending_lines("acme", lending, is_unknown=False)
    unknown = lending_lines("acme", lending, is_unknown=True)

    assert sum(line.share.amount_minor for line in known) == 380 - 1000
    assert [(line.cause.step, line.share.amount_minor) for line in unknown] == [(ClassStep.UNKNOWN, -1000)]
