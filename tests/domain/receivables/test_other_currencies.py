"""Invoices of a pool in another currency raise no limit and no reserve."""

from dataclasses import replace

from tests.support.invoice_pools import ALONE, TERMS, KnownDebtor, OpenInvoice, buckets, ladder_of, value_of

FOREIGN = OpenInvoice("9", "hooli", open=1_000_000_000, currency="IDR")
"""An invoice in another currency, of more minor units than all others."""


def test_an_invoice_in_another_currency_does_not_lower_the_late_share_of_its_debtor():
    late, other = OpenInvoice("1", open=20_000, issued=-100), OpenInvoice("2", open=80_000)
    barred = replace(FOREIGN, debtor="globex")

    found = buckets(late, other, barred)

    assert found == {"OVER_AGE": 20_000, "CURRENCY_BARRED": barred.open, "CROSS_AGE": 80_000}


def test_a_share_of_the_open_amount_is_of_the_pools_currency():
    debtors = {name: KnownDebtor(key) for key, name in enumerate(("globex", "hooli"), 1)}
    own = OpenInvoice("1", open=1_000_000), OpenInvoice("2", "hooli", open=100_000)
    gross = {"debtors": debtors, "changed": {"concentration_mode": "1", "concentration_share": "0.25"}}

    assert buckets(*own, **gross)["eligible"] == 375_000
    assert buckets(*own, FOREIGN, **gross)["eligible"] == 375_000
    limited = ladder_of(*own, FOREIGN, **gross).conservative.buckets
    assert limited.eligible_minor.sum() == 375_000


def test_sales_in_another_currency_are_none_of_those_for_which_dilution_is_reserved():
    reserve = {"changed": {**ALONE, "dilution_place": "3"}, "terms": replace(TERMS, dilution_spike=0.03)}

    assert (
        value_of(OpenInvoice("1"), FOREIGN, **reserve).dilution_ppm
        == value_of(OpenInvoice("1"), **reserve).dilution_ppm
        > 0
    )
