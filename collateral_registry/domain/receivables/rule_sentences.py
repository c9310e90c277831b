"""The sentence of each rule in English and Chinese, with the numbers of the policy in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from valuation.receivables.rules import Rule


@dataclass(frozen=True)
class Sentence:
    """A sentence in both languages."""

    english: str
    chinese: str


_TEXTS: Mapping[Rule, tuple[str, str]] = {
    Rule.DEBTOR_INSOLVENT: ("The debtor is insolvent or blocked.", "债务人已资不抵债或被冻结。"),
    Rule.AFFILIATE: ("The debtor belongs to the owner's group.", "债务人与债权人属于同一集团。"),
    Rule.NOT_DELIVERED: (
        "The goods or services are not delivered {delivery_grace_days} days after the issue, or the document asks for"
        " payment before delivery.",
        "开票后{delivery_grace_days}天内未交付。或单据要求先付款后交付。",
    ),
    Rule.BILL_CLAIM: ("The claim rests on a bill of exchange.", "债权基于票据。"),
    Rule.FACTORED_ELSEWHERE: (
        "The invoice is factored by another lender or names another payee; the registry was searched within"
        " {attestation_max_age_days} days.",
        "发票已向其他机构保理或另有收款人。登记查询须在{attestation_max_age_days}天内。",
    ),
    Rule.CONSIGNMENT: ("The goods are on consignment.", "货物为寄售。"),
    Rule.PROGRESS_BILLING: ("The invoice bills progress of construction.", "发票为工程进度款。"),
    Rule.OVER_AGE: (
        "More than {over_age_days} days since the issue ({over_age_government_days} for a government).",
        "账龄超过{over_age_days}天。政府机构为{over_age_government_days}天。",
    ),
    Rule.PAST_DUE: ("More than {past_due_days} days after the due day.", "逾期超过{past_due_days}天。"),
    Rule.TENOR: ("More than {tenor_days} days from issue to due day.", "账期超过{tenor_days}天。"),
    Rule.CERTIFICATE_TENOR: (
        "An e-certificate that is due more than 12 months after its issue.",
        "电子凭证付款期限超过12个月。",
    ),
    Rule.TERMS_BEYOND_LAW: ("The terms of payment exceed those of the law.", "付款期限超过法定期限。"),
    Rule.FOREIGN_UNINSURED: (
        "A foreign debtor without an insured limit in force, or beyond it.",
        "境外债务人且无有效保险限额。或超过该限额。",
    ),
    Rule.GOVERNMENT: ("A government whose consent is required and missing.", "政府机构债务人缺少所需同意。"),
    Rule.CONSUMER: ("The debtor is a consumer.", "债务人为消费者。"),
    Rule.ASSIGNMENT_BARRED: ("The contract bars the assignment.", "合同禁止转让。"),
    Rule.NOT_ASSIGNED: (
        "No registration in force assigns the invoice to the lender.",
        "无有效登记将发票转让给贷款人。",
    ),
    Rule.JUNIOR_ASSIGNMENT: (
        "An earlier registration assigns the invoice to another lender; the registry was searched within"
        " {attestation_max_age_days} days.",
        "其他机构登记在先。登记查询须在{attestation_max_age_days}天内。",
    ),
    Rule.REFUSED: ("The debtor refused the notice or denies the debt.", "债务人拒绝通知或否认债务。"),
    Rule.RE_AGED: (
        "The invoice was credited or withdrawn otherwise and issued again, its due day was moved after it had passed,"
        " its due day or issue day was moved later in hindsight, or the pool has it under another identifier of its"
        " debtor or another spelling of its number too.",
        "发票被冲销、核销或更正撤回后重开、到期后变更到期日或事后推迟到期日、开票日。或以债务人的另一标识、发票号的另一写法重复入池。",
    ),
    Rule.CURRENCY_BARRED: ("The invoice is in another currency than the pool.", "发票币种与资产池不同。"),
    Rule.MANUAL: ("A person excluded the invoice.", "人工排除。"),
    Rule.CROSS_AGE: (
        "The late share of the debtor exceeds {cross_age_share}.",
        "该债务人逾期占比超过{cross_age_share}。",
    ),
    Rule.RETENTION: ("An amount is retained until its release.", "质保金未到释放日。"),
    Rule.DISPUTED: ("An amount is in dispute.", "金额有争议。"),
    Rule.UNAPPLIED_CREDIT: (
        "Credits and cash of the debtor without an invoice; it must have none in another currency than the pool.",
        "债务人未核销的贷项和款项。币种须与资产池相同。",
    ),
    Rule.CONTRA: (
        "The owner owes the debtor; the balance is at most {contra_max_age_days} days old, in the pool's currency.",
        "债权人欠债务人款项。余额须在{contra_max_age_days}天内且币种与资产池相同。",
    ),
    Rule.INSURED_LIMIT: ("Beyond the insurer's limit for the debtor.", "超过保险人核定的债务人限额。"),
    Rule.DEBTOR_LIMIT: ("Beyond the lender's limit for the debtor in this pool.", "超过本池债务人限额。"),
    Rule.DEBTOR_LINE: ("Beyond the debtor's line over the book.", "超过全行债务人额度。"),
    Rule.CONCENTRATION: (
        "Beyond a share of {concentration_share} of the pool for the debtor or its group.",
        "债务人或其集团占比超过{concentration_share}。",
    ),
}


def sentence_of(rule: Rule, numbers: ReceivableNumbers) -> Sentence:
    """Returns what a rule excludes, with the numbers of a class."""
    shown = {name: _shown(name, value) for name, value in numbers.values.items()}
    english, chinese = _TEXTS[rule]
    return Sentence(english.format(**shown), chinese.format(**shown))


def _shown(name: str, value: Decimal) -> str:
    plain = value * 100 if name.endswith("share") else value
    text = f"{plain.normalize():f}"
    return f"{text} %" if name.endswith("share") else text
