"""Numbers that a spreadsheet has written in scientific notation are recognised; identifiers with an E are not."""

import pytest

from valuation.tables.identifiers import is_scientific, may_be_scientific

WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in "2.01E+11")
"""A number in full-width characters."""


@pytest.mark.parametrize("text", ["2.01511E+11", "2E+11", "2,01511e+11", "2.01511E11", "1.2E-05", "1.2E+11 10", WIDE])
def test_a_number_in_scientific_notation_is_recognised(text):
    assert is_scientific(text)
    assert may_be_scientific(f"L-1\n{text}")


@pytest.mark.parametrize("text", ["12E34", "1E-05", "E+11", "5E", "201510111111", "2.5E+1x", ""])
def test_an_identifier_with_a_letter_e_is_not(text):
    assert not is_scientific(text)
