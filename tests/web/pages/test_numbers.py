"""Figures are shown so that nothing looks safer than it is."""

from datetime import date
from decimal import Decimal

import pytest
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.web.pages.numbers import (
    exact,
    exact_change,
    exact_percent,
    grouped,
    minor,
    money_of,
    number,
    owed,
    parsed_money,
    percent,
    shown_day,
    sums,
    worth,
)

AMOUNT = Money(currency_code="USD", units=3283266, nanos=700000000)
DEBT = Money(currency_code="USD", units=-5, nanos=-250000000)


def test_values_are_rounded_down_and_debts_up():
    assert (worth(AMOUNT), owed(AMOUNT), exact(AMOUNT)) == ("3,283,266", "3,283,267", "3,283,266.70")


def test_amounts_keep_the_decimals_of_their_currency():
    buckets, total = (
        [Money(currency_code="KWD", nanos=335_000_000)] * 3,
        Money(currency_code="KWD", units=1, nanos=5_000_000),
    )

    assert [exact(one) for one in (*buckets, total)] == ["0.335", "0.335", "0.335", "1.005"]
    assert exact_change(total) == "+1.005"
    assert [minor(Decimal("0.33333"), code) for code in ("KWD", "USD", "JPY")] == ["0.333", "0.33", "0.33"]


def test_a_rate_of_a_reserve_is_shown_with_all_its_decimals():
    shares = [exact_percent(DecimalMessage(value=one)) for one in ("0.00125", "0.05", "")]

    assert shares == ["0.125\u00a0%", "5.00\u00a0%", "—"]


def test_the_minus_sign_is_not_a_hyphen():
    assert (worth(DEBT), owed(DEBT), exact(DEBT)) == ("\u22126", "\u22125", "\u22125.25")


def test_a_negative_number_that_rounds_to_zero_has_no_sign():
    assert grouped(Decimal("-0.4")) == "0"


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [("1.122662378", "112.3\u00a0%"), ("-0.004", "\u22120.4\u00a0%"), ("0", "0.0\u00a0%"), ("", "—")],
)
def test_a_ratio_is_in_percent_with_a_no_break_space(ratio, shown):
    assert percent(DecimalMessage(value=ratio)) == shown


def test_numbers_of_the_contract_keep_their_decimals():
    assert [number(text) for text in ("252000", "7.56", "86906.952", "1E+3", "0.00")] == [
        "252,000", "7.56", "86,906.952", "1,000", "0",
    ]  # fmt: skip


def test_amounts_are_summed_within_their_currencies():
    found = sums([AMOUNT, DEBT, Money(currency_code="CNY", units=0), Money(currency_code="EUR", nanos=500000000)])

    assert [(one.currency_code, exact(one)) for one in found] == [("EUR", "0.50"), ("USD", "3,283,261.45")]


def test_days_are_in_the_words_of_the_language():
    day = date(2022, 7, 13)

    assert (shown_day(day, "en"), shown_day(day, "zh")) == ("13 Jul 2022", "2022年7月13日")
    assert (shown_day(day, "en", with_year=False), shown_day(None, "zh")) == ("13 Jul", "—")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1000.50", "1000.5"), (" 1,000.50 ", "1000.5"), ("12 345", "12345"),
        ("1\u202f234\u202f567.125", "1234567.125"),
        ("999,999,999,999,999", "999999999999999"), ("2,500", "2500"), ("0.5", "0.5"), ("007", "7"),
    ],
)  # fmt: skip
def test_an_amount_may_have_groups_of_three_digits(text, amount):
    assert parsed_money(text, "EUR") == money_of(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    "text",
    [
        "2,5",
        "0,125",
        "1000,50",
        "250.000,00",
        "1,2,3",
        "1,23,456",
        "1,234 567",
        "1,0000",
        "1.5.0",
        "-1",
        "1e3",
        "",
        "\uff11",
    ],
)
def test_no_amount_is_read_as_another_one(text):
    assert parsed_money(text, "EUR") is None
