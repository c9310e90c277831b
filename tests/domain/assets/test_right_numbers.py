"""All spellings of one IP right are one right; numbers of different series are not."""

import pytest

from collateral_registry.domain.assets.right_numbers import check_digit, check_right_number, right_number, right_scope
from collateral_registry.domain.shared.reference_matching import ReferenceNumber
from valuation.errors import InvalidInput
from valuation.ip.life import RightKind

PATENT, MODEL, DESIGN, MARK = RightKind.PATENT, RightKind.UTILITY_MODEL, RightKind.DESIGN, RightKind.TRADEMARK


def wide(text):
    """Returns a text in full-width characters."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def one(kind, office, number):
    return right_scope(kind, office), ReferenceNumber(right_number(kind, office, number)).skeleton


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        (PATENT, ["CN ZL201510111111.4", "CNIPA 201510111111", "CN CN 2015 1 0111111.4"]),
        (PATENT, ["CN ZL201510111111.4", f"cn 专利号{wide(':ZL201510111111.4')}"]),
        (PATENT, ["CN CN104444444B", "CNIPA CN 104444444 A", "CN 104444444"]),
        (PATENT, ["CN ZL95123456.0", "CN 95123456"]),
        (PATENT, ["EP EP 2 345 678 B1", "EPO EP2345678", "EP EP-B1-2345678", "EP 2345678"]),
        (PATENT, ["EP EP15123456.7", "EPO 15 123 456"]),
        (PATENT, ["US US 9,876,543 B2", "USPTO 9876543", "US U.S. Pat. No. 9,876,543"]),
        (PATENT, ["WO WO 99/12345", "WIPO WO1999/012345 A1", "PCT 1999012345"]),
        (PATENT, ["JP 特許第5123456号", "JPO JP5123456B2"]),
        (PATENT, ["KR 10-1234567", "KIPO KR 10-1234567 B1", "KR 특허 제10-1234567호"]),
        (PATENT, ["DE DE 10 2015 123 456 A1", "DPMA 102015123456"]),
        (DESIGN, ["US USD0789,457 S", "US D789457", "USPTO D789,457"]),
        (MARK, ["CN 第22345678号", "CNIPA 22345678", "CN 商标注册证第22345678号"]),
        (MARK, ["EU 018123456", "EUIPO 18123456", "EM EM018123456"]),
    ],
)  # fmt: skip
def test_spellings_of_one_right_are_one_number(kind, spellings):
    assert len({one(kind, *text.split(" ", 1)) for text in spellings}) == 1


@pytest.mark.parametrize(
    ("kind", "office", "first", "second"),
    [
        (PATENT, "US", "14/123,456", "14,123,456"),
        (PATENT, "JP", "特開2015-123456", "特願2015-123456"),
        (PATENT, "CN", "ZL201510111111.4", "CN105111111A"),
        (PATENT, "CN", "ZL201510111111.4", "ZL201510111112.9"),
        (PATENT, "WO", "PCT/CN2015/012345", "WO2015/012345"),
        (MARK, "CN", "22345678", "22345679"),
    ],
)
def test_numbers_of_different_series_stay_different(kind, office, first, second):
    assert one(kind, office, first) != one(kind, office, second)


def test_a_chinese_number_is_one_right_whatever_kind_is_stated():
    number = "ZL201520111111.X"
    assert one(PATENT, "CN", number) == one(MODEL, "CNIPA", number) == one(DESIGN, "CN", number)


@pytest.mark.parametrize("number", ["ZL201510111111.4", "201520111111X", "ZL 2015 1 0111111.4", "201510111111", "1"])
def test_a_right_check_digit_or_none_is_accepted(number):
    check_right_number("number", PATENT, "CN", number)


@pytest.mark.parametrize("number", ["ZL201510111111.5", "CN2015101111113", "ZL201510111111.X", "ZL95123456.7"])
def test_a_wrong_check_digit_of_a_chinese_application_is_refused(number):
    with pytest.raises(InvalidInput, match="want check digit"):
        check_right_number("number", PATENT, "CNIPA", number)


def test_the_check_digit_is_that_of_the_office():
    """ZL200410000001: 4 + 0 + 0 + 20 + 6 + 0 + 0 + 0 + 0 + 0 + 0 + 5 = 35, and 35 modulo 11 is 2."""
    assert check_digit("200410000001") == "2"
