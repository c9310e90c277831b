"""The canonical text of a recomputed base, of which the digest is signed: the same sequence gives the same bytes.

Each line has fields separated by tabs. Amounts are minor units, ratios millionths. A text is JSON, so that no character
of it can be read as a separator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from collateral_registry.domain.borrowing_base.certificates import Recomputation
from collateral_registry.domain.borrowing_base.walk import ClassStatement
from valuation.money import PPM

FORM = "collateral borrowing base 1"
"""First line: the form of the text, whose number rises when it changes."""

SOURCES = ("date", "sequence", "policy", "estimates")
"""Lines that name what the base was computed from."""


def canonical_text(loan_id: str, currency: str, found: Recomputation) -> str:
    """Returns the text of a recomputed base."""
    return "".join("\t".join(fields) + "\n" for fields in _lines(loan_id, currency, found))


def digest_of(text: str) -> str:
    """Returns the SHA-256 of a text in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def sources_of(text: str) -> Mapping[str, tuple[str, ...]]:
    """Returns the fields of the lines of a text that name its sources, by the name of the line."""
    lines = [line.split("\t") for line in text.splitlines()]
    return {name: tuple(fields) for name, *fields in lines if name in SOURCES}


def _lines(loan_id: str, currency: str, found: Recomputation) -> Iterator[tuple[str, ...]]:
    yield (FORM,)
    yield ("loan", loan_id)
    yield ("currency", currency)
    yield ("date", found.market_day.isoformat())
    yield ("sequence", str(found.seq))
    yield ("policy", found.policy_id)
    yield ("estimates", *map(str, found.estimates))
    for name, one in sorted(found.statement.classes.items()):
        yield from _class_lines(name, one)
    for reserve in found.reserves:
        yield ("reserve", reserve.kind, reserve.reserve_id or reserve.source, str(reserve.amount_minor))
    yield ("base", str(found.statement.base_minor))
    yield ("used", str(found.used_minor))
    yield ("availability", str(found.availability_minor))


def _class_lines(name: str, one: ClassStatement) -> Iterator[tuple[str, ...]]:
    subject = json.dumps(name, ensure_ascii=False)
    yield ("gross", subject, str(one.gross_minor))
    for rule, amount in sorted(one.excluded_minor.items()):
        yield ("excluded", subject, json.dumps(rule, ensure_ascii=False), str(amount))
    yield ("lends", subject, str(one.amount_minor))
    if one.limit_minor is not None:
        yield ("amount limit", subject, str(one.limit_minor))
    if one.share_ppm != PPM:
        yield ("share limit", subject, str(one.share_ppm))
