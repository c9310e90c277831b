"""The sentence of each rule of a certificate, with the numbers of the policy by which it was recomputed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.receivables.rule_numbers import DEFAULT_VALUES, ReceivableNumbers
from collateral_registry.domain.receivables.rule_sentences import sentence_of
from collateral_registry.v1 import certificate_pb2 as pb, policy_pb2, report_pb2
from collateral_registry.web.pages.certificates.columns import rule_of
from collateral_registry.web.pages.texts import Texts
from valuation.receivables.rules import Rule

RECEIVABLES = CLASS_ROOT[Kind.RECEIVABLE_POOL]
"""First part of the classes that have rules."""

Sentences = Mapping[str, ReceivableNumbers]
"""Numbers of the rules by asset class."""


def class_requests(certificate: pb.Certificate) -> list[policy_pb2.GetAssetClassRequest]:
    """Returns the requests for the classes whose numbers the sentences state, as of the recomputation."""
    names = {one.asset_class for one in certificate.recomputed.classes if _has_rules(one.asset_class)}
    as_of = report_pb2.AsOf(sequence=certificate.sequence) if certificate.sequence else None
    return [
        policy_pb2.GetAssetClassRequest(name=f"assetClasses/{name}", as_of=as_of)
        for name in sorted(names | {RECEIVABLES})
    ]


def numbers_of(classes: Iterable[policy_pb2.AssetClass]) -> Sentences:
    """Returns the numbers of asset classes."""
    return {
        one.asset_class: ReceivableNumbers(
            {**DEFAULT_VALUES, **{number.parameter: Decimal(number.value.value) for number in one.numbers}}
        )
        for one in classes
    }


def sentence(texts: Texts, numbers: Sentences, asset_class: str, rule: str) -> str:
    """Returns the sentence of the line of a rule in the language of a reader; empty for a line of no rule."""
    number, is_unknown = rule_of(rule)
    if not number:
        return ""
    found = sentence_of(Rule(number), numbers.get(asset_class, numbers[RECEIVABLES]))
    shown = found.chinese if texts.language == "zh" else found.english
    return texts("certificates.unknown_sentence", sentence=shown) if is_unknown else shown


def tolerance_of(numbers: Sentences) -> Decimal:
    """Returns the share of the recomputed base above which a difference opens a finding."""
    return numbers[RECEIVABLES].values["certificate_tolerance"]


def _has_rules(asset_class: str) -> bool:
    return asset_class.partition(".")[0] == RECEIVABLES
