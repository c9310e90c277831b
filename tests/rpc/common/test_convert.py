"""Numbers and dates of messages are read as the contract writes them, and in no other spelling."""

import pytest
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal

from collateral_registry.rpc.common import convert
from collateral_registry.v1 import loan_pb2
from valuation.errors import InvalidInput


@pytest.mark.parametrize(
    "text", ["9_000", "\uff19\uff10", " 9000", "9000\n", "9,000", "0x10", "", ".", "e5", "\uff11e2"]
)
def test_a_number_in_another_spelling_is_refused(text):
    with pytest.raises(InvalidInput, match=r"price: got .*, want a decimal number such as 12\.5"):
        convert.read_decimal("price", Decimal(value=text))


@pytest.mark.parametrize("text", ["nan", "-NaN", "sNaN7", "inf", "Infinity"])
def test_a_number_that_is_not_finite_is_refused(text):
    with pytest.raises(InvalidInput, match="want a finite number"):
        convert.read_decimal("price", Decimal(value=text))


@pytest.mark.parametrize("text", ["12.5", "-0.5", "+7", "5.", ".5", "1E+3", "1e400"])
def test_a_decimal_number_is_read(text):
    assert convert.read_decimal("price", Decimal(value=text)).is_finite()


@pytest.mark.parametrize("year", [24, 999])
def test_a_year_without_four_digits_is_refused(year):
    loan = loan_pb2.Loan(balance_date=Date(year=year, month=6, day=3))
    with pytest.raises(InvalidInput, match=r"balance_date: .*year of four digits"):
        convert.required_date("balance_date", loan, "balance_date")
