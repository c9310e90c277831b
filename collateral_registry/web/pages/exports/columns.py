"""The columns of the exported reports, with titles and words in the language of a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collateral_registry.exports.report import Column, Kind, Printed, Table
from collateral_registry.web.pages.rendering import ENUMS, enum_key
from collateral_registry.web.pages.texts import Texts

COVERAGES = {"KNOWN": "common.known", "UNKNOWN": "common.unknown"}
BASES = {"LENDABLE": "loans.lendable_long", "MARKET": "loans.market_long"}

YES, BELOW = Printed.YES, Printed.BELOW


@dataclass(frozen=True)
class Field:
    """A column in every language; ``words`` is the table of the texts of its codes, or their keys."""

    name: str
    kind: Kind
    printed: Printed = Printed.NO
    words: str | Mapping[str, str] = ""
    judged_by: str = ""


LTV: Sequence[Field] = (
    Field("borrower", Kind.TEXT, YES),
    Field("loan", Kind.TEXT, BELOW),
    Field("level", Kind.LEVEL, YES, "level", "coverage"),
    Field("coverage", Kind.LEVEL, YES, COVERAGES),
    Field("unknown_reasons", Kind.LABELS, BELOW, "reason"),
    Field("ltv", Kind.SHARE, YES),
    Field("ltv_infinite", Kind.FLAG),
    Field("exposure", Kind.AMOUNT, YES),
    Field("currency", Kind.CODE, BELOW),
    Field("lendable_value", Kind.AMOUNT, YES),
    Field("market_value", Kind.AMOUNT, YES),
    Field("cash_cure", Kind.AMOUNT, YES),
    Field("collateral_cure", Kind.AMOUNT),
    Field("price_fall_to_next_level", Kind.SHARE, YES),
    Field("next_level", Kind.CODE, BELOW, "level"),
    Field("deadline_date", Kind.DATE, YES),
    Field("breach", Kind.COUNT),
    Field("quality_flags", Kind.LABELS, words="flag"),
    Field("ltv_basis", Kind.CODE, words=BASES),
    Field("distance_to_next_level", Kind.SHARE),
    Field("unknown_asset_count", Kind.COUNT),
    Field("last_good_ltv", Kind.SHARE),
    Field("last_good_market_value", Kind.AMOUNT),
    Field("last_good_lendable_value", Kind.AMOUNT),
    Field("decision_market_value", Kind.AMOUNT),
    Field("decision_lendable_value", Kind.AMOUNT),
    Field("used", Kind.AMOUNT),
    Field("borrowing_base", Kind.AMOUNT),
    Field("oldest_input_date", Kind.DATE),
    Field("market_date", Kind.DATE),
    Field("sequence", Kind.COUNT),
)
"""The columns of StreamLtvReport in main units."""

TOTALS: Sequence[Field] = (
    Field("currency", Kind.CODE, YES),
    Field("loan_count", Kind.COUNT, YES),
    Field("breach_count", Kind.COUNT, YES),
    Field("unknown_count", Kind.COUNT, YES),
    Field("exposure", Kind.AMOUNT, YES),
    Field("lendable_value", Kind.AMOUNT, YES),
    Field("market_value", Kind.AMOUNT, YES),
)

CONCENTRATIONS: Sequence[Field] = (
    Field("dimension", Kind.CODE, YES, "dimension"),
    Field("key", Kind.TEXT, YES),
    Field("others_count", Kind.COUNT, YES),
    Field("currency", Kind.CODE, YES),
    Field("lendable_value", Kind.AMOUNT, YES),
    Field("share", Kind.SHARE, YES),
)

BREACHES: Sequence[Field] = (
    Field("borrower", Kind.TEXT, YES),
    Field("loan", Kind.TEXT, BELOW),
    Field("breach", Kind.COUNT, YES),
    Field("state", Kind.CODE, YES, "breach_state"),
    Field("level", Kind.LEVEL, YES, "level"),
    Field("worst_level", Kind.LEVEL, YES, "level"),
    Field("open_date", Kind.DATE, YES),
    Field("deadline_date", Kind.DATE, YES),
    Field("cure_date", Kind.DATE, YES),
    Field("acknowledged", Kind.FLAG, YES),
    Field("waived", Kind.FLAG, YES),
    Field("waiver_expire_date", Kind.DATE, BELOW),
    Field("disputed", Kind.FLAG, YES),
    Field("in_disposal", Kind.FLAG, YES),
    Field("last_event", Kind.CODE, YES, "event"),
    Field("last_event_date", Kind.DATE, BELOW),
    Field("last_event_actor", Kind.TEXT),
    Field("event_count", Kind.COUNT),
    Field("currency", Kind.CODE),
    Field("ltv", Kind.SHARE),
    Field("ltv_infinite", Kind.FLAG),
    Field("exposure", Kind.AMOUNT),
    Field("lendable_value", Kind.AMOUNT),
    Field("market_value", Kind.AMOUNT),
    Field("cash_cure", Kind.AMOUNT),
    Field("collateral_cure", Kind.AMOUNT),
)
"""A breach; the figures are those of its newest event."""


def table_of(texts: Texts, title: str, fields: Sequence[Field]) -> Table:
    """Returns a table in the language of the texts."""
    return Table(
        texts(title),
        tuple(
            Column(
                one.name, one.kind, texts(f"column.{one.name}"), one.printed, _words(texts, one.words), one.judged_by
            )
            for one in fields
        ),
    )


def code_of(table: str, value: int) -> str | None:
    """Returns the name of a value of an enumeration without its prefix; None for none."""
    key = enum_key(table, value)
    return key.partition(".")[2].upper() or None if value else None


def _words(texts: Texts, words: str | Mapping[str, str]) -> dict[str, str]:
    if not isinstance(words, str):
        return {code: texts(key) for code, key in words.items()}
    codes = [code_of(words, value) for value in ENUMS[words].values()] if words else []
    return {code: found for code in codes if code and (found := texts.by_key.get(f"{words}.{code.lower()}"))}
