"""Templates with the formats of a language. Every value is escaped."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache, partial

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from jinja2 import Environment, PackageLoader, StrictUndefined

from collateral_registry.v1 import (
    asset_pb2,
    assignment_pb2,
    borrowing_base_pb2,
    breach_pb2,
    certificate_pb2,
    common_pb2,
    concentration_pb2,
    debtor_pb2,
    difference_pb2,
    disposal_pb2,
    finding_pb2,
    invoice_feed_pb2,
    loan_pb2,
    proposal_pb2,
    receivable_pb2,
    report_pb2,
    valuation_pb2,
)
from collateral_registry.web.pages import numbers
from collateral_registry.web.pages.static_files import static_files
from collateral_registry.web.pages.texts import Texts, texts_of

ENUMS = {
    "level": common_pb2.LtvLevel,
    "reason": common_pb2.UnknownReason,
    "zero": common_pb2.ZeroReason,
    "flag": common_pb2.QualityFlag,
    "event": breach_pb2.BreachEventKind,
    "disposal_state": disposal_pb2.DisposalState,
    "disposal_cause": disposal_pb2.DisposalCause,
    "disposal_step": disposal_pb2.DisposalStep,
    "realisation_method": disposal_pb2.RealisationMethod,
    "realisation_verdict": disposal_pb2.RealisationVerdict,
    "breach_state": breach_pb2.BreachState,
    "waiver_reason": breach_pb2.WaiverReason,
    "dispute_outcome": breach_pb2.DisputeOutcome,
    "cure_status": breach_pb2.CureStatus,
    "cure_verdict": breach_pb2.CureVerdict,
    "loan_state": loan_pb2.LoanState,
    "value_state": valuation_pb2.ValuationState,
    "part": valuation_pb2.HaircutPart,
    "asset_status": asset_pb2.AssetStatus,
    "finding": finding_pb2.FindingKind,
    "severity": finding_pb2.FindingSeverity,
    "proposal_state": proposal_pb2.ProposalState,
    "change_step": difference_pb2.ChangeStep,
    "change_note": difference_pb2.ChangeNote,
    "loan_change": difference_pb2.LoanChange,
    "dimension": report_pb2.ConcentrationDimension,
    "rate_problem": report_pb2.RateProblem,
    "certificate_state": certificate_pb2.CertificateState,
    "statement_term": certificate_pb2.StatementTerm,
    "reserve_kind": borrowing_base_pb2.ReserveKind,
    "rule": receivable_pb2.EligibilityRule,
    "measure": concentration_pb2.ConcentrationMeasure,
    "class_step": borrowing_base_pb2.ClassStep,
    "base_step": borrowing_base_pb2.BaseStep,
    "draw_refusal": loan_pb2.DrawRefusal,
    "invoice_state": receivable_pb2.InvoiceState,
    "assignment_state": assignment_pb2.AssignmentState,
    "assignment_event": assignment_pb2.AssignmentEventKind,
    "entry_kind": invoice_feed_pb2.InvoiceEntryKind,
    "entry_source": invoice_feed_pb2.InvoiceEntrySource,
    "debtor_state": debtor_pb2.DebtorState,
    "debtor_kind": debtor_pb2.DebtorKind,
    "identifier_scheme": debtor_pb2.IdentifierScheme,
}
"""Enumerations whose values have texts, by the table of the texts."""


@cache
def environment_of(language: str) -> Environment:
    """Returns the templates of a language; they are compiled once."""
    found = Environment(
        loader=PackageLoader("collateral_registry.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    texts = texts_of(language)
    found.globals.update(t=texts, word=partial(word, texts), static=static_files().address)
    found.filters.update(
        worth=numbers.worth,
        owed=numbers.owed,
        exact=numbers.exact,
        digits=numbers.all_digits,
        change=numbers.change,
        exact_change=numbers.exact_change,
        signed=numbers.signed_digits,
        percent=numbers.percent,
        exact_percent=numbers.exact_percent,
        number=numbers.number,
        identifier=numbers.identifier,
        unit=_unit,
        minor=numbers.minor,
        ratio=Decimal,
        day=partial(_day, language),
        short_day=partial(_short_day, language),
        iso_day=_iso_day,
        time=partial(_time, language),
    )
    return found


def word(texts: Texts, table: str, value: int) -> str:
    """Returns the text of a value of an enumeration; a value that this version does not know is shown as its number."""
    return texts.by_key.get(enum_key(table, value), str(value))


def enum_key(table: str, value: int) -> str:
    """Returns the key of the text of a value of an enumeration."""
    wrapper = ENUMS[table]
    if value not in wrapper.values():
        return ""
    prefix = wrapper.Name(0).removesuffix("UNSPECIFIED")
    return f"{table}.{wrapper.Name(value).removeprefix(prefix).lower()}"


def render(language: str, template: str, values: dict[str, object]) -> str:
    """Returns a template with its values."""
    return environment_of(language).get_template(template).render(values)


def _unit(name: str) -> str:
    """Returns the name of a unit as words."""
    return name.replace("_", " ")


def _day(language: str, day: Date | date | None) -> str:
    return numbers.shown_day(day, language)


def _short_day(language: str, day: Date | date | None) -> str:
    return numbers.shown_day(day, language, with_year=False)


def _iso_day(day: Date) -> str:
    """Returns a day as it stands in an address; empty if it is not set."""
    found = numbers.calendar(day)
    return found.isoformat() if found else ""


def _time(language: str, time: Timestamp) -> str:
    return numbers.shown_time(time, language)
