"""Identifiers of debtors in their normal form, and the check characters that find a mistyped one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from collateral_registry.domain.shared.countries import COUNTRIES
from valuation.errors import InvalidInput

IDENTIFIER_LIMIT_CHARACTERS = 40


class IdentifierScheme(IntEnum):
    """Register that issues an identifier; the numeric values are stored and sent."""

    LEI = 1
    UNIFIED_SOCIAL_CREDIT_CODE = 2
    VAT = 3


SCHEMES: Mapping[str, IdentifierScheme] = {
    "lei": IdentifierScheme.LEI,
    "uscc": IdentifierScheme.UNIFIED_SOCIAL_CREDIT_CODE,
    "vat": IdentifierScheme.VAT,
}
"""The words for the schemes in a text such as ``lei:5493001KJTIIGC8Y1R12``."""

WORDS = {scheme: word for word, scheme in SCHEMES.items()}

_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_CREDIT_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The characters of GB 32100-2015 in the order of their values: without I, O, S, V and Z, which look like others."""
_CREDIT_CODE = re.compile(rf"[{_CREDIT_CODE_CHARACTERS}]{{2}}[0-9]{{6}}[{_CREDIT_CODE_CHARACTERS}]{{10}}")
_BLANKS = re.compile(r"[\s.\-/]+")
_VAT_OF_COUNTRY: Mapping[str, str] = {
    "AT": r"U[0-9]{8}",
    "BE": r"[01][0-9]{9}",
    "BG": r"[0-9]{9,10}",
    "CH": r"E[0-9]{9}(MWST|TVA|IVA)?",
    "CY": r"[0-9]{8}[A-Z]",
    "CZ": r"[0-9]{8,10}",
    "DE": r"[0-9]{9}",
    "DK": r"[0-9]{8}",
    "EE": r"[0-9]{9}",
    "EL": r"[0-9]{9}",
    "ES": r"[0-9A-Z][0-9]{7}[0-9A-Z]",
    "FI": r"[0-9]{8}",
    "FR": r"[0-9A-HJ-NP-Z]{2}[0-9]{9}",
    "GB": r"([0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3})",
    "HR": r"[0-9]{11}",
    "HU": r"[0-9]{8}",
    "IE": r"([0-9][0-9A-Z+*][0-9]{5}[A-Z]|[0-9]{7}[A-Z]{1,2})",
    "IT": r"[0-9]{11}",
    "LT": r"([0-9]{9}|[0-9]{12})",
    "LU": r"[0-9]{8}",
    "LV": r"[0-9]{11}",
    "MT": r"[0-9]{8}",
    "NL": r"[0-9A-Z+*]{12}",
    "NO": r"[0-9]{9}(MVA)?",
    "PL": r"[0-9]{10}",
    "PT": r"[0-9]{9}",
    "RO": r"[0-9]{2,10}",
    "SE": r"[0-9]{12}",
    "SI": r"[0-9]{8}",
    "SK": r"[0-9]{10}",
    "XI": r"([0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3})",
}
"""What follows the prefix of a country, as VIES and the tax offices state it. EL is Greece, XI Northern Ireland."""

_OTHER_VAT = r"[0-9A-Z]{2,15}"


@dataclass(frozen=True, order=True)
class Identifier:
    """An identifier in its normal form: capitals, without blanks and separators."""

    scheme: IdentifierScheme
    value: str

    def __post_init__(self) -> None:
        """Raises InvalidInput for a value that the register of the scheme cannot have issued."""
        object.__setattr__(self, "value", _CHECKS[self.scheme](_normal(self.value)))

    def __str__(self) -> str:
        return f"{WORDS[self.scheme]}:{self.value}"


def identifier_of(text: str) -> Identifier | None:
    """Returns the identifier that a text such as ``lei:5493001KJTIIGC8Y1R12`` states.

    Returns None for any other text, and for an identifier with a wrong check character, which no debtor can have.
    """
    word, _, value = text.partition(":")
    scheme = SCHEMES.get(word.strip().lower())
    if scheme is None:
        return None
    try:
        return Identifier(scheme, value)
    except InvalidInput:
        return None


def normal_text(stated: str) -> str:
    """Returns the text by which a ledger states a debtor: an identifier in its normal form, else the id alone."""
    found = identifier_of(stated)
    return stated.removeprefix("debtors/") if found is None else str(found)


def _normal(text: str) -> str:
    """Returns a text in capitals without blanks and separators; characters of full width become those of half width."""
    if len(text) > IDENTIFIER_LIMIT_CHARACTERS:
        limit = f"at most {IDENTIFIER_LIMIT_CHARACTERS} characters"
        raise InvalidInput("value", f"{len(text)} characters", limit)
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text)).upper()


def _checked_lei(value: str) -> str:
    """Returns a legal entity identifier; raises InvalidInput unless its check digits agree (ISO 17442, ISO 7064)."""
    if not _LEI.fullmatch(value) or int("".join(str(int(one, 36)) for one in value)) % 97 != 1:
        raise InvalidInput("value", repr(value), "18 letters and digits with two check digits of ISO 17442 that agree")
    return value


def _checked_credit_code(value: str) -> str:
    """Returns a unified social credit code; raises InvalidInput unless its check character agrees (GB 32100-2015)."""
    if not _CREDIT_CODE.fullmatch(value) or value[-1] != credit_code_check(value[:-1]):
        raise InvalidInput("value", repr(value), "17 characters with a check character of GB 32100 that agrees")
    return value


def credit_code_check(first: str) -> str:
    """Returns the check character of the first 17 characters of a unified social credit code."""
    weighted = sum(_CREDIT_CODE_CHARACTERS.index(one) * pow(3, place, 31) for place, one in enumerate(first))
    return _CREDIT_CODE_CHARACTERS[-weighted % 31]


def _checked_vat(value: str) -> str:
    """Returns a VAT number with the prefix of its country; raises InvalidInput unless it has that country's form."""
    prefix, number = value[:2].replace("GR", "EL"), value[2:]
    if prefix not in COUNTRIES and prefix not in _VAT_OF_COUNTRY:
        raise InvalidInput("value", repr(value), "the prefix of a country first, such as DE123456789")
    form = _VAT_OF_COUNTRY.get(prefix, _OTHER_VAT)
    if not re.fullmatch(form, number):
        raise InvalidInput("value", repr(value), f"a VAT number of {prefix}: {prefix} and {form}")
    return prefix + number


_CHECKS = {
    IdentifierScheme.LEI: _checked_lei,
    IdentifierScheme.UNIFIED_SOCIAL_CREDIT_CODE: _checked_credit_code,
    IdentifierScheme.VAT: _checked_vat,
}
