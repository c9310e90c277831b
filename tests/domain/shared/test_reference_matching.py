"""Spellings of one number match; two lookups find every single edit; consecutive numbers are not duplicates."""

import string

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.shared.reference_matching import (
    ONE_EDIT_LETTERS,
    Match,
    ReferenceNumber,
    compare_references,
    plain_numbers,
)

ALPHABET = string.ascii_uppercase + string.digits
NUMBERS = st.text(ALPHABET, min_size=ONE_EDIT_LETTERS, max_size=24)
WRITTEN = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HX-1001", "hx 1001"),
        ("HX-1001", "HX1001"),
        ("HX-1001", "HX-01001"),
        ("HX-1001", "HX-1OO1"),
        ("HX-1001", "HX-lOOI"),
        ("WR/2022/007", "WR-2022-7"),
        ("WR/2022/007", "WR2022007"),
        ("\uff28\uff38\uff0d\uff11\uff10\uff10\uff11", "HX-1001"),
        ("SB-58", "58-5B"),
        ("2022-1001", "20221001"),
        ("٠٧٣٤", "734"),
    ],
)
def test_a_number_written_otherwise_is_the_same_number(one, other):
    assert compare_references(ReferenceNumber(one), ReferenceNumber(other)) == Match.SAME


@pytest.mark.parametrize(("one", "other"), [("A-1-11", "A-11-1"), ("B-10-100", "B-101-00")])
def test_digits_parted_otherwise_are_another_number(one, other):
    """Row and bay: 1-11 is not 11-1, though both are 111 without the hyphen."""
    assert compare_references(ReferenceNumber(one), ReferenceNumber(other)) == Match.REGROUPED


@pytest.mark.parametrize(("one", "other"), [("B1", "81"), ("S-1", "5-1"), ("", ""), ("--", ".."), ("7", "8")])
def test_short_numbers_are_not_the_same_by_look_alikes(one, other):
    assert compare_references(ReferenceNumber(one), ReferenceNumber(other)) == Match.NONE


@given(NUMBERS, st.integers(1, 9_999), st.integers(1, 9_999))
def test_numbers_of_a_series_are_never_the_same(prefix, first, second):
    """HX-1001 and HX-1002 may be one edit apart; that alone is no duplicate."""
    one, other = ReferenceNumber(f"{prefix}-{first}"), ReferenceNumber(f"{prefix}-{second}")

    assert (compare_references(one, other) == Match.SAME) == (first == second)


@st.composite
def edited(draw):
    """Draws a number and the same number after one edit."""
    number = draw(NUMBERS)
    place = draw(st.integers(0, len(number)))
    letter = draw(st.sampled_from(ALPHABET))
    kind = draw(st.sampled_from(["change", "drop", "add", "exchange"]))
    if kind == "add":
        return number, number[:place] + letter + number[place:]
    place = min(place, len(number) - 1)
    if kind == "change":
        return number, number[:place] + letter + number[place + 1 :]
    if kind == "drop":
        return number, number[:place] + number[place + 1 :]
    return number, number[:place] + number[place : place + 2][::-1] + number[place + 2 :]


@given(edited())
def test_every_single_edit_is_found_by_two_lookups(pair):
    one, other = map(ReferenceNumber, pair)

    assert one.head in other.heads_within_one_edit() or one.tail in other.tails_within_one_edit()
    assert other.head in one.heads_within_one_edit() or other.tail in one.tails_within_one_edit()
    if min(len(one.letters), len(other.letters)) >= ONE_EDIT_LETTERS:
        assert compare_references(one, other) >= Match.ONE_EDIT


@given(WRITTEN, WRITTEN)
def test_matching_is_the_same_both_ways_round(one, other):
    assert compare_references(ReferenceNumber(one), ReferenceNumber(other)) == compare_references(
        ReferenceNumber(other), ReferenceNumber(one)
    )
    assert compare_references(ReferenceNumber(one), ReferenceNumber(one)) in {Match.SAME, Match.NONE}


@given(WRITTEN)
def test_the_halves_are_the_whole(text):
    writing = ReferenceNumber(text)

    assert writing.head + writing.tail == writing.letters


@given(st.lists(WRITTEN.filter(lambda text: "\n" not in text)))
def test_numbers_are_normalised_together_as_one_by_one(texts):
    assert plain_numbers(texts) == [ReferenceNumber(text).plain or text for text in texts]
