"""Numbers of IP assets in comparable form, so that all spellings of one right are one right.

Offices, registers and gazettes write a number with or without office, check digit, kind code, separators and words:
ZL201510111111.4, CN201510111111.4 and 201510111111 are one application of the Chinese office. Numbers of different
series, such as an application and a publication, stay different, because one cannot be derived from the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from valuation.errors import InvalidInput
from valuation.ip.life import RightKind

OFFICES = {
    "CN": ("CN", "CNIPA", "SIPO", "CHINA", "PRC", "国家知识产权局", "中国"),
    "EP": ("EP", "EPO", "EPA", "OEB"),
    "US": ("US", "USPTO", "USA"),
    "WO": ("WO", "WIPO", "PCT", "IB", "OMPI"),
    "JP": ("JP", "JPO", "JAPAN"),
    "KR": ("KR", "KIPO", "MOIP", "KOREA"),
    "DE": ("DE", "DPMA", "GERMANY"),
    "GB": ("GB", "UK", "UKIPO"),
    "EU": ("EU", "EM", "EUIPO", "OHIM", "EUTM"),
    "TW": ("TW", "TIPO"),
    "CA": ("CA", "CIPO"),
    "AU": ("AU", "IPAU"),
    "RU": ("RU", "ROSPATENT"),
    "FR": ("FR",),
    "IN": ("IN",),
    "HK": ("HK",),
}
"""Names of each office by its code."""

INDUSTRIAL = (RightKind.PATENT, RightKind.UTILITY_MODEL, RightKind.DESIGN)
"""Kinds of rights whose numbers carry kind codes, such as B2."""

_OFFICE_OF = {name: code for code, names in OFFICES.items() for name in names}
_WORDS = re.compile(
    r"第|号|號|专利|專利|特許|申请|申請|注册|註冊|登记|登記|登録|授权|公告|商标|商標|证书|證書|证|証|實用新案|実用新案|意匠"
    r"|제|호|등록|특허|실용신안|디자인|상표"
    r"|\b(?:PATENT|PAT|APPLICATION|APPL|REGISTRATION|REGISTERED|REG|SERIAL|NUMBER|NUMMER|NO|NR|N°|TM)\b\.?"
)
_NOT_LETTER = re.compile(r"[\W_]+")
_LEADING_KIND_CODE = re.compile(r"^([A-Z]{2})[-\s]+[ABCU]\d?[-\s]+(?=\d)")
_KIND_CODE = re.compile(r"(?<=\d)[ABCEFSTUY]\d?$")
_CHINESE_APPLICATION = re.compile(r"((?:19|20)\d\d[12389]\d{7})([0-9X]?)")
_OLD_CHINESE_APPLICATION = re.compile(r"((?:8[5-9]|9\d|0[0-3])[12389]\d{5})([0-9X]?)")
_CHECK_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_CHECK_MODULUS = 11
_PCT_CENTURY = 78
"""International publications of the years 78 to 99 are of the last century."""


def office_code(office: str) -> str:
    """Returns the code of an office by any of its names; other names are returned in capitals without punctuation."""
    plain = _NOT_LETTER.sub("", unicodedata.normalize("NFKC", office).upper())
    return _OFFICE_OF.get(plain, plain)


def right_scope(kind: RightKind, office: str) -> str:
    """Returns the series of numbers in which a right's number is unique.

    Chinese numbers of patents, utility models and designs state their kind and are one series.
    """
    code = office_code(office)
    family = "industrial" if code == "CN" and kind in INDUSTRIAL else kind.name.lower()
    return f"{family} {code.lower()}"


def right_number(kind: RightKind, office: str, number: str) -> str:
    """Returns a right's number without office, words, separators, kind code and check digit.

    The number is unchanged if nothing else is left of it.
    """
    code = office_code(office)
    words = _LEADING_KIND_CODE.sub(r"\1 ", _words(number))
    plain = _without_office(code, _NOT_LETTER.sub("", words))
    if kind in INDUSTRIAL and code in _READERS:
        plain = _READERS[code](words, plain)
    if kind in INDUSTRIAL:
        plain = _KIND_CODE.sub("", plain)
    return plain or number


def comparable_number(scope: str, number: str) -> str:
    """Returns ``right_number`` of a number within a scope returned by ``right_scope``."""
    family, _, code = scope.partition(" ")
    kind = RightKind.PATENT if family == "industrial" else RightKind[family.upper()]
    return right_number(kind, code, number)


def check_right_number(field: str, kind: RightKind, office: str, number: str) -> None:
    """Raises InvalidInput if the check digit of a Chinese application number is wrong."""
    if office_code(office) != "CN" or kind not in INDUSTRIAL:
        return
    found = _chinese_application(_without_office("CN", _NOT_LETTER.sub("", _words(number))))
    if found is None:
        return
    digits, stated = found
    want = check_digit(digits)
    if stated and stated != want:
        raise InvalidInput(field, repr(number[:80]), f"check digit {want} after {digits}: a digit is mistyped")


def check_digit(digits: str) -> str:
    """Returns the check digit of a Chinese application number: weights 2 to 9 and 2 to 5, modulo 11, X for 10."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _CHECK_WEIGHTS, strict=False))
    return "0123456789X"[total % _CHECK_MODULUS]


def _without_office(code: str, plain: str) -> str:
    """Removes the names of the office from the beginning of a number, as long as digits follow."""
    names = sorted((*OFFICES.get(code, (code,)), *(("ZL",) if code == "CN" else ())), key=len, reverse=True)
    while True:
        name = next((one for one in names if one and plain.startswith(one) and plain[len(one) :]), None)
        if name is None or not any(one.isdigit() for one in plain[len(name) :]):
            return plain
        plain = plain[len(name) :]


def _chinese_application(plain: str) -> tuple[str, str] | None:
    """Returns the digits and the check digit, if stated, of a Chinese application number; None for other numbers.

    Application numbers have twelve digits with the year, until 2003 eight digits that begin with 85 to 99 or 00 to 03.
    Publication numbers have at most nine digits and begin with 1, 2 or 3.
    """
    plain = _KIND_CODE.sub("", plain)
    for form in (_CHINESE_APPLICATION, _OLD_CHINESE_APPLICATION):
        if found := form.fullmatch(plain):
            return found[1], found[2]
    return None


def _words(number: str) -> str:
    """Returns a number in capitals and without the words for number, patent or registration."""
    return _WORDS.sub(" ", unicodedata.normalize("NFKC", number).upper()).strip()


def _chinese(_text: str, plain: str) -> str:
    found = _chinese_application(plain)
    return f"A{found[0]}" if found else plain


def _german(_text: str, plain: str) -> str:
    """Removes the check digit of a file number of twelve digits."""
    found = re.fullmatch(r"(\d{12})\d", plain)
    return found[1] if found else plain


def _european(_text: str, plain: str) -> str:
    """Removes the check digit of an application number, which has nine digits; publications have seven."""
    found = re.fullmatch(r"(\d{8})\d?", plain)
    return f"A{found[1]}" if found else plain


def _american(text: str, plain: str) -> str:
    """Marks application numbers (14/123,456), because patents have numbers with the same digits."""
    return f"A{plain}" if re.search(r"(?<!\d)\d{2}\s*/\s*\d{3},?\d{3}(?!\d)", text) else plain


def _international(text: str, plain: str) -> str:
    """Writes year and number of a publication with four and six digits: WO 99/12345 is WO1999012345."""
    found = re.search(r"(?<!\d)((?:19|20)?\d\d)\s*[/ -]\s*(\d{1,6})(?!\d)", text) or re.fullmatch(
        r"((?:19|20)\d\d)(\d{6})|(\d\d)(\d{5})", _KIND_CODE.sub("", plain)
    )
    if not found or plain[:1].isalpha():
        return plain
    year, serial = (one for one in found.groups() if one is not None)
    century = "" if len(year) > 2 else "19" if int(year) >= _PCT_CENTURY else "20"
    return f"{century}{year}{serial.zfill(6)}"


_READERS: dict[str, Callable[[str, str], str]] = {
    "CN": _chinese,
    "DE": _german,
    "EP": _european,
    "US": _american,
    "WO": _international,
}
