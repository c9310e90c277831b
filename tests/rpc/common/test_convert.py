"""Numbers and dates of messages are read as the contract writes them, and in no other spelling."""

import asyncio

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal

from collateral_registry.rpc.common import convert
from collateral_registry.v1 import loan_pb2, report_pb2
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


@pytest.mark.parametrize(
    "text",
    ["12.5", "-0.5", "+7", "5.", ".5", "1E+3", "1e39", "1e-40", "1234567890.123456789012345678901234567890"[:40]],
)
def test_a_decimal_number_is_read(text):
    assert convert.read_decimal("price", Decimal(value=text)).is_finite()


@pytest.mark.parametrize(
    "text", ["1E-999999999", "1E+999999999", "0E-99999", "1e-41", "1e40", "1E+99999999999999999999"]
)
def test_a_number_that_takes_many_digits_without_exponent_is_refused(text):
    with pytest.raises(InvalidInput, match="at most 40 digits before and after the decimal point"):
        convert.read_decimal("price", Decimal(value=text))


@pytest.mark.parametrize(
    "time",
    [
        {"nanos": -1},
        {"nanos": 10**9},
        {"seconds": 253_402_300_800},
        {"seconds": -62_135_596_801},
        {"seconds": 2**63 - 1},
    ],
    ids=str,
)
def test_a_time_outside_the_calendar_is_refused(time):
    with pytest.raises(InvalidInput, match=r"as_of.known_time: .* want a time from the year 1 to 9999"):
        convert.read_time("as_of.known_time", report_pb2.AsOf(known_time=Timestamp(**time)), "known_time")


def test_a_time_is_read_to_the_microsecond_and_may_be_absent():
    asked = report_pb2.AsOf(known_time=Timestamp(seconds=-1, nanos=999_999_999))
    assert convert.read_time("as_of.known_time", asked, "known_time") == -1
    assert convert.read_time("as_of.known_time", report_pb2.AsOf(), "known_time") is None


@pytest.mark.parametrize("year", [24, 999])
def test_a_year_without_four_digits_is_refused(year):
    loan = loan_pb2.Loan(balance_date=Date(year=year, month=6, day=3))
    with pytest.raises(InvalidInput, match=r"balance_date: .*year of four digits"):
        convert.required_date("balance_date", loan, "balance_date")


def test_other_calls_run_between_the_slices_of_a_large_request() -> None:
    async def read_beside_another() -> list[int]:
        seen: list[int] = []

        async def other() -> None:
            while len(seen) < 3 * convert.SLICE_MESSAGES:
                turns.append(len(seen))
                await asyncio.sleep(0)

        turns: list[int] = []
        another = asyncio.create_task(other())
        async for at, message in convert.in_slices(range(3 * convert.SLICE_MESSAGES)):
            assert at == message
            seen.append(at)
        await another
        return turns

    assert asyncio.run(read_beside_another()) == [convert.SLICE_MESSAGES, 2 * convert.SLICE_MESSAGES]
