"""Identifiers of debtors are stored in one form, and a mistyped one is found by its check characters."""

import pytest

from collateral_registry.domain.debtors.identifiers import Identifier, IdentifierScheme, identifier_of
from valuation.errors import InvalidInput

LEI, CREDIT_CODE, VAT = IdentifierScheme.LEI, IdentifierScheme.UNIFIED_SOCIAL_CREDIT_CODE, IdentifierScheme.VAT


@pytest.mark.parametrize(
    ("scheme", "written", "stored"),
    [
        (LEI, "5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R12"),
        (LEI, " 7ltw fzyi cnsx 8d62 1k86 ", "7LTWFZYICNSX8D621K86"),
        (CREDIT_CODE, "91110000600037341L", "91110000600037341L"),
        (CREDIT_CODE, "9111000\uff10600037341l", "91110000600037341L"),
        (VAT, "DE 136.695.976", "DE136695976"),
        (VAT, "ATU 12345678", "ATU12345678"),
        (VAT, "CHE-123.456.789 MWST", "CHE123456789MWST"),
        (VAT, "GR 123456789", "EL123456789"),
        (VAT, "SG 200312345A", "SG200312345A"),
    ],
)
def test_an_identifier_has_one_form_however_it_is_written(scheme, written, stored):
    assert Identifier(scheme, written).value == stored


@pytest.mark.parametrize("value", ["5493001KJTIIGC8Y1R12", "7LTWFZYICNSX8D621K86"])
def test_every_wrong_digit_of_an_lei_is_found(value):
    for place, character in enumerate(value):
        other = "1" if character == "0" else "0"
        with pytest.raises(InvalidInput):
            Identifier(LEI, value[:place] + other + value[place + 1 :])


def test_every_wrong_character_and_transposition_of_a_credit_code_is_found():
    value = "91110000600037341L"
    for place, character in enumerate(value):
        other = "2" if character == "1" else "1"
        with pytest.raises(InvalidInput):
            Identifier(CREDIT_CODE, value[:place] + other + value[place + 1 :])
        swapped = value[:place] + value[place : place + 2][::-1] + value[place + 2 :]
        if swapped != value:
            with pytest.raises(InvalidInput):
                Identifier(CREDIT_CODE, swapped)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        (LEI, ""),
        (LEI, "5493001KJTIIGC8Y1R1"),
        (CREDIT_CODE, "91110000600037341I"),
        (VAT, "136695976"),
        (VAT, "EL12345678"),
        (VAT, "DE12345678"),
        (VAT, "QQ123456789"),
        (VAT, "DE" + "1" * 60),
    ],
)
def test_a_value_that_no_register_issues_is_refused(scheme, value):
    with pytest.raises(InvalidInput, match="value: got"):
        Identifier(scheme, value)


def test_a_text_states_an_identifier_by_its_scheme():
    assert identifier_of("LEI: 5493001kjtiigc8y1r12") == Identifier(LEI, "5493001KJTIIGC8Y1R12")
    assert str(identifier_of("uscc:91110000600037341L")) == "uscc:91110000600037341L"
    assert identifier_of("acme") is None
    assert identifier_of("duns:123") is None
    assert identifier_of("vat:DE1") is None
