"""What is estimated of a pool is looked up by debtor, whatever text of the debtor the ledger states."""

from dataclasses import replace

import numpy as np
import pytest

from collateral_registry.domain.receivables.estimates.pool_estimate import KNOTS, MODEL, NONE, PoolEstimate
from tests.support.invoice_pools import TERMS, TODAY, KnownDebtor, OpenInvoice, numbers, pool_of, valued
from valuation.receivables.dilution import Dilution

ALONE = numbers(concentration_mode="4")
TEXTS = {"alpha": (0.30, 10), "beta": (0.10, 40), "gamma": (0.00, 0)}
"""Dilution and expected days late of each text that the ledger named at the time of the estimate."""


def estimate(*, with_days=True) -> PoolEstimate:
    days = [*(late for _, late in TEXTS.values()), 5]
    table = np.maximum.outer(np.array(days), np.array(KNOTS)) * 10
    return PoolEstimate(
        model=MODEL,
        day=TODAY,
        entry_number=1,
        months=12,
        dilution=Dilution(0.02, 0.03),
        paid=99,
        open=1,
        debtors=np.array([*TEXTS], dtype=object),
        debtor_dilution=np.array([share for share, _ in TEXTS.values()]),
        payment_day=table if with_days else table[:0],
    )


def pool(*invoices, found=None, **keys):
    plain = pool_of(*invoices, debtors={name: KnownDebtor(key) for name, key in keys.items()})
    return replace(plain, estimates=(found or estimate()).of_debtors(plain.debtors))


def looked_up(found=None, late=0, **keys):
    """Returns the dilution and the expected days of each text."""
    plain = pool_of(
        *(OpenInvoice("1", name) for name in keys), debtors={n: KnownDebtor(key) for n, key in keys.items()}
    )
    estimates = (found or estimate()).of_debtors(plain.debtors)
    wait = estimates.expected_wait(np.arange(len(keys)), np.full(len(keys), late))
    return dict(zip(sorted(keys), zip(estimates.dilution.tolist(), wait.tolist(), strict=True), strict=True))


def test_a_new_text_of_a_debtor_has_the_estimate_of_the_debtor_and_another_debtor_that_of_the_pool():
    found = looked_up(alpha=1, aaa=1, zzz=1, other=2, gamma=3)

    assert found["alpha"] == found["aaa"] == found["zzz"] == (0.30, 10)
    assert (found["other"], found["gamma"]) == ((0.02, 5), (0.00, 0))


def test_an_invoice_under_a_new_text_does_not_raise_what_the_others_of_its_debtor_lend():
    old, new = OpenInvoice("1", "alpha", open=1_000_000), OpenInvoice("2", "aaa", open=1)

    def lent(*invoices):
        return valued(pool(*invoices, alpha=1, aaa=1), ALONE)[1].lendable_minor

    assert TERMS.dilution == pytest.approx(0.02)
    assert lent(old) <= lent(old, new) <= lent(old) + 1


def test_of_texts_that_were_different_debtors_the_one_that_lends_less_counts():
    found = looked_up(alpha=1, beta=1, aaa=1)

    assert set(found.values()) == {(0.30, 40)}


def test_a_day_that_one_of_the_texts_does_not_know_is_that_of_the_other():
    partly = estimate()
    partly.payment_day[0] = NONE

    assert looked_up(partly, alpha=1, gamma=1)["alpha"] == (0.30, 0)
    assert np.isnan(looked_up(partly, alpha=1)["alpha"][1])


def test_without_enough_payments_no_days_are_expected_and_the_dilution_is_that_of_the_debtor():
    share, wait = looked_up(estimate(with_days=False), alpha=1, aaa=1)["aaa"]

    assert share == pytest.approx(0.30)
    assert np.isnan(wait)


def test_a_ledger_without_estimated_dilution_has_none_of_any_debtor():
    none = replace(estimate(), dilution=None, debtor_dilution=np.full(len(TEXTS), np.nan))

    assert all(np.isnan(share) for share, _ in looked_up(none, alpha=1, beta=1, other=2).values())
