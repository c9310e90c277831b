"""Conversion of statements, invoices and explanations to messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from collateral_registry.commands.pools.explain import ExplainedPool, ShownStatement
from collateral_registry.commands.pools.invoices import ISSUE_AGE_LIMITS_DAYS, InvoiceSums
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate
from collateral_registry.domain.receivables.invoice_explanation import RuleStep, invoice_path, steps_of
from collateral_registry.domain.receivables.pool_statement import RuleSum
from collateral_registry.domain.receivables.pool_sums import AGE_LIMITS_DAYS
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.receivables.rule_sentences import sentence_of
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import receivable_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM
from valuation.receivables.rules import Rule

_NAME = re.compile("(assets/[^/]+)/debtors/([^/]+)/invoices/([^/]+)")
WANTED = "assets/{asset}/debtors/{debtor}/invoices/{invoice}, with debtor and number percent-encoded"


def read_invoice_name(field: str, name: str) -> tuple[str, str, str]:
    """Returns asset id, debtor and number in the name of an invoice; raises InvalidInput."""
    parts = name.split("/")
    if len(parts) != 6 or parts[0::2] != ["assets", "debtors", "invoices"]:
        raise InvalidInput(field, repr(name[:80]), WANTED)
    (asset_id,) = id_of(field, "/".join(parts[:2]), "assets")
    return asset_id, checked_text(field, unquote(parts[3])), checked_text(field, unquote(parts[5]))


def invoice_name(asset_id: str, debtor: str, number: str) -> str:
    """Returns the name of an invoice."""
    return f"assets/{asset_id}/debtors/{quote(debtor, safe='')}/invoices/{quote(number, safe='')}"


def statement_message(shown: ShownStatement, registered: Mapping[str, str]) -> pb.PoolStatement:
    """Returns a statement as a message; ``registered`` are the ids of its debtors by the texts that state them."""
    asset, stored = shown.asset, shown.stored
    one, currency = stored.statement, asset.currency
    amounts = {
        "face_amount": one.face_minor,
        "settled_amount": one.settled_minor,
        "open_amount": one.open_minor,
        "eligible_amount": one.eligible_minor,
        "recoverable_amount": one.recoverable_minor,
        "lendable_amount": one.lendable_minor,
        "last_good_eligible_amount": one.last_good_minor,
        "last_good_lendable_amount": one.last_good_lendable_minor,
        "dilution_reserve_amount": shown.dilution_reserve_minor,
    }
    starts = [0, *(limit + 1 for limit in AGE_LIMITS_DAYS), 0]
    last = len(one.ages) - 1
    numbers = shown.policy.policy.receivable_numbers(asset.asset_class)
    return pb.PoolStatement(
        asset=f"assets/{asset.asset_id}",
        sequence=stored.seq,
        market_date=convert.day(stored.market_day),
        entry_number=one.entry_number,
        policy=f"policies/{shown.policy_id}",
        **{name: convert.money(minor, currency) for name, minor in amounts.items()},
        exclusions=_rule_amounts(one.excluded, currency, numbers),
        unknown_amounts=_rule_amounts(one.unknown, currency, numbers),
        ages=[
            pb.AgeAmount(days_past_due=start, without_due_date=at == last, amount=convert.money(minor, currency))
            for at, (start, minor) in enumerate(zip(starts, one.ages, strict=True))
        ],
        debtors=[
            pb.DebtorAmount(
                debtor=each.debtor,
                open_amount=convert.money(each.open_minor, currency),
                eligible_amount=convert.money(each.eligible_minor, currency),
                registered_debtor=_debtor_name(each.debtor, registered),
            )
            for each in one.debtors
        ],
        estimate=None if shown.estimate is None else _estimate(shown.estimate),
    )


def _estimate(one: PoolEstimate) -> pb.PoolEstimate:
    dilution = one.dilution
    return pb.PoolEstimate(
        date=convert.day(one.day),
        entry_number=one.entry_number,
        model=one.model,
        month_count=one.months,
        dilution=None if dilution is None else convert.ratio(dilution.expected),
        dilution_spike=None if dilution is None else convert.ratio(dilution.spike),
        paid_invoice_count=one.paid,
        open_invoice_count=one.open,
        days_late=convert.ratio(one.days_late),
    )


def _rule_amounts(sums: Mapping[Rule, RuleSum], currency: str, numbers: ReceivableNumbers) -> list[pb.RuleAmount]:
    sentences = {rule: sentence_of(rule, numbers) for rule in sums}
    return [
        pb.RuleAmount(
            rule=int(rule),
            amount=convert.money(one.amount_minor, currency),
            invoice_count=one.invoices,
            debtor_count=one.debtors,
            sentence_en=sentences[rule].english,
            sentence_zh=sentences[rule].chinese,
        )
        for rule, one in sums.items()
    ]


def _debtor_name(stated: str, registered: Mapping[str, str]) -> str:
    return f"debtors/{registered[stated]}" if stated in registered else ""


def sums_message(sums: InvoiceSums, currency: str) -> pb.InvoiceSums:
    """Returns sums of invoices as a message."""
    names = ("face", "open", "excluded", "unknown", "eligible", "lendable")
    amounts = {f"{name}_amount": convert.money(getattr(sums, f"{name}_minor"), currency) for name in names}
    starts = [0, *(limit + 1 for limit in ISSUE_AGE_LIMITS_DAYS), 0]
    last = len(sums.issue_ages) - 1
    return pb.InvoiceSums(
        invoice_count=sums.invoices,
        **amounts,
        issue_ages=[
            pb.IssueAgeAmount(
                days_since_issue=start, without_issue_date=at == last, amount=convert.money(minor, currency)
            )
            for at, (start, minor) in enumerate(zip(starts, sums.issue_ages, strict=True))
        ],
        assignments=[
            pb.AssignmentAmount(state=int(state), amount=convert.money(minor, currency), invoice_count=count)
            for state, (minor, count) in sums.assignments.items()
        ],
    )


def invoice_message(pool: ExplainedPool, row: int, registered: Mapping[str, str]) -> pb.Invoice:
    """Returns the invoice in a row of the ladder; ``registered`` are ids of debtors by the texts that state them."""
    path, ledger, currency = invoice_path(pool.ladder, row), pool.ladder.pool.ledger, pool.asset.currency
    debtor, number = str(ledger.debtor[row]), str(ledger.invoice_number[row])
    own = str(ledger.currency[row])
    return pb.Invoice(
        name=invoice_name(pool.asset.asset_id, debtor, number),
        debtor=debtor,
        invoice_number=number,
        state=int(path.state),
        type_code=int(ledger.type_code[row]),
        face_amount=convert.money(int(ledger.face_minor[row]), own),
        open_amount=convert.money(int(ledger.open_minor[row]), own),
        issue_date=convert.day(int(ledger.issue_day[row])),
        due_date=convert.day(int(ledger.due_day[row])),
        delivery_date=convert.day(int(ledger.delivery_day[row])),
        assignment_state=int(pool.ladder.pool.assignments.state[row]),
        excluded_by=path.excluded_by,
        unknown_by=path.unknown_by,
        cuts=[pb.RuleAmount(rule=int(rule), amount=convert.money(cut, currency)) for rule, cut in path.cuts.items()],
        eligible_amount=convert.money(path.eligible_minor, currency),
        recoverable_amount=convert.money(path.recoverable_minor, currency),
        lendable_amount=convert.money(path.lendable_minor, currency),
        last_good_eligible_amount=convert.money(path.last_good_minor, currency),
        registered_debtor=_debtor_name(debtor, registered),
    )


def explanation_message(pool: ExplainedPool, row: int, invoice: pb.Invoice) -> pb.InvoiceExplanation:
    """Returns the path of the invoice in a row of the ladder as a message."""
    path, expected, parts = invoice_path(pool.ladder, row), pool.ladder.part.expected, pool.ladder.parts
    own = str(pool.ladder.pool.ledger.currency[row])
    ratios = {
        "dilution": expected.dilution,
        "default_probability": expected.pd,
        "loss_given_default": expected.lgd,
        "discount_rate": expected.rate,
        "value_haircut": parts.value,
        "liquidity_haircut": parts.liquidity,
        "cost_haircut": parts.cost,
        "legal_haircut": parts.legal,
        "advance_rate": pool.ladder.part.advance_ppm / PPM,
    }
    return pb.InvoiceExplanation(
        invoice=invoice,
        sequence=pool.stored.seq,
        market_date=convert.day(pool.stored.market_day),
        policy=f"policies/{pool.policy_id}",
        steps=[_step(one, own) for one in steps_of(path, pool.numbers)],
        expected_days=int(expected.days[row]),
        estimate=None if pool.estimate is None else _estimate(pool.estimate),
        **{name: convert.ratio(float(column[row])) for name, column in ratios.items()},
    )


def _step(one: RuleStep, currency: str) -> pb.InvoiceStep:
    return pb.InvoiceStep(
        rule=int(one.rule),
        verdict=int(one.verdict),
        taken_amount=convert.money(one.taken_minor, currency),
        left_amount=convert.money(one.left_minor, currency),
        sentence_en=one.sentence.english,
        sentence_zh=one.sentence.chinese,
    )
