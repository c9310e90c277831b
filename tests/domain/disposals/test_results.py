"""Loss and ratios of disposals by the worked examples of docs/disposals.md."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from collateral_registry.domain.disposals.disposals import (
    Disposal,
    DisposalCause,
    DisposalItem,
    DisposalState,
    DisposalStep,
    Entry,
    EntryDetails,
    Expected,
    Proceeds,
    RealisationMethod,
    ReferenceState,
    ReferenceValue,
    next_steps,
    state_after,
)
from collateral_registry.domain.disposals.results import result_of
from collateral_registry.domain.shared.errors import Refused
from valuation.errors import InvalidInput

DEFAULT = date(2025, 3, 1)
COLLECTING, CLOSED = DisposalState.COLLECTING, DisposalState.CLOSED


def item(asset_id="lot-1", market=76_000_000, lendable=54_000_000, state=ReferenceState.KNOWN):
    value = ReferenceValue(0, DEFAULT, 7, DEFAULT, state, market, lendable)
    return DisposalItem(asset_id, "inventory.base_metal", (value,), 90, Decimal("0.99"))


def disposal(*items):
    rate = Decimal("0.08")
    return Disposal("d-1", "loan-1", 0, DEFAULT, DisposalCause.PAYMENT, 100_000_000, rate, items or (item(),))


def proceeds(day, amount, cost=0, **fields):
    stated = {
        "asset_id": "lot-1", "invoice_number": "", "method": RealisationMethod.AUCTION, "loan_minor": amount,
        "buyer": "", "buyer_related": False, "finishes_asset": False, "corrects": 0, **fields,
    }  # fmt: skip
    return Proceeds(amount_minor=amount, cost_minor=cost, day=day, **stated)


def entries(*rows, expected=None):
    opening = Entry(1, DisposalStep.OPEN, DisposalState.OPENED, "Ana", "sold", EntryDetails(DEFAULT, expected=expected))
    return [
        opening,
        *(
            Entry(number, DisposalStep.PROCEEDS, COLLECTING, "Ana", "", EntryDetails(row.day, row))
            for number, row in enumerate(rows, 2)
        ),
    ]


FIRST = proceeds(date(2025, 6, 1), 42_000_000, 2_500_000)
SECOND = proceeds(date(2025, 11, 15), 18_000_000, 1_800_000)


def test_the_loss_of_the_worked_example():
    result = result_of(disposal(), CLOSED, entries(FIRST, SECOND))

    assert (result.present_minor, result.loss) == (54_080_177, Decimal("0.459198"))


def test_the_ratios_and_days_of_the_worked_example():
    result = result_of(disposal(), CLOSED, entries(FIRST, SECOND))

    assert result.days == 259
    assert (round(result.realised_to_market, 4), round(result.realised_to_lendable, 4)) == (
        Decimal("0.7329"),
        Decimal("1.0315"),
    )


def test_a_promise_that_was_missed_by_a_cent_does_not_look_held():
    result = result_of(disposal(), CLOSED, entries(proceeds(DEFAULT, 53_999_999)))

    assert result.realised_to_lendable == Decimal("0.999999")


def test_an_open_disposal_counts_the_share_still_expected_and_a_closed_one_does_not():
    rows = entries(FIRST, expected=Expected(55_700_000, date(2025, 11, 15)))
    of_open, of_closed = result_of(disposal(), COLLECTING, rows), result_of(disposal(), CLOSED, rows)

    assert of_open.expected == Expected(16_200_000, date(2025, 11, 15))
    assert (of_open.loss, of_closed.expected) == (Decimal("0.459198"), None)
    assert of_closed.loss > of_open.loss
    assert (of_open.items[0].expected_minor, of_closed.items[0].expected_minor) == (16_200_000, 0)


def test_what_is_not_stated_as_expected_is_not_expected():
    assert result_of(disposal(), COLLECTING, entries(FIRST)).expected is None


def test_corrected_proceeds_stay_recorded_and_count_nothing():
    wrong = proceeds(date(2025, 6, 1), 99_000_000, 2_500_000)
    right = replace(FIRST, corrects=1)
    rows = entries(wrong, right, SECOND, expected=Expected(60_000_000, date(2026, 1, 1)))

    assert result_of(disposal(), CLOSED, rows).loss == Decimal("0.459198")
    assert result_of(disposal(), COLLECTING, entries(wrong, right)).net_minor == 39_500_000


def test_a_protection_payout_reduces_the_loss_and_is_no_proceeds_of_collateral():
    payout = proceeds(DEFAULT, 50_000_000, asset_id="", method=RealisationMethod.PROTECTION_PAYOUT)
    result = result_of(disposal(), CLOSED, entries(payout))

    assert (result.loss, result.realised_to_market, result.days) == (Decimal("0.500000"), Decimal(0), 0)


def test_only_the_part_for_the_loan_reduces_its_loss():
    shared = proceeds(DEFAULT, 76_000_000, loan_minor=40_000_000)
    result = result_of(disposal(), CLOSED, entries(shared))

    assert (result.loss, result.realised_to_market) == (Decimal("0.600000"), Decimal(1))


@pytest.mark.parametrize("state", [ReferenceState.NONE, ReferenceState.UNKNOWN], ids=str)
def test_without_a_known_value_at_the_default_there_is_no_ratio(state):
    result = result_of(disposal(item(state=state, market=0, lendable=0)), CLOSED, entries(FIRST))

    assert result.realised_to_market is None
    assert result.items[0].realised_to_lendable is None


def test_what_is_expected_is_divided_among_the_assets_that_are_not_finished():
    two = disposal(item(), item("lot-2", 19_000_000), item("lot-3", 57_000_000))
    done = proceeds(DEFAULT, 70_000_000, finishes_asset=True)
    result = result_of(two, COLLECTING, entries(done, expected=Expected(90_000_000, date(2026, 1, 1))))

    assert [one.expected_minor for one in result.items] == [0, 5_000_000, 15_000_000]
    assert [one.is_finished for one in result.items] == [True, False, False]


def test_states_only_rise_and_a_closed_disposal_takes_no_step():
    assert state_after("d", DisposalState.OPENED, DisposalStep.CLAIM) is DisposalState.CLAIM
    assert state_after("d", COLLECTING, DisposalStep.CLAIM) is COLLECTING
    assert state_after("d", DisposalState.CLAIM, DisposalStep.PROCEEDS) is COLLECTING
    assert not next_steps(CLOSED)
    with pytest.raises(Refused, match="d is CLOSED: got the step PROCEEDS, allowed are none"):
        state_after("d", CLOSED, DisposalStep.PROCEEDS)


def test_proceeds_without_an_asset_are_a_payout():
    with pytest.raises(InvalidInput, match=r"proceeds\.asset"):
        proceeds(DEFAULT, 1, asset_id="")
    with pytest.raises(InvalidInput, match=r"proceeds\.loan_amount"):
        proceeds(DEFAULT, 1, loan_minor=2)
