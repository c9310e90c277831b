"""Conversion of disposals and of the realisation test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from collateral_registry.domain.disposals.disposals import (
    Claim,
    Expected,
    Proceeds,
    RealisationMethod,
    ReferenceValue,
    next_steps,
)
from collateral_registry.domain.disposals.realisation import ClassRealisation
from collateral_registry.domain.disposals.results import (
    DisposalResult,
    ItemResult,
    corrected_numbers,
    result_of,
)
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.domain.valuations.appraise import model_name
from collateral_registry.rpc.common import convert
from collateral_registry.store.disposals.repository import StoredDisposal, StoredEntry
from collateral_registry.v1 import disposal_pb2 as pb, valuation_pb2
from valuation.errors import InvalidInput

T = TypeVar("T")


def disposal_message(stored: StoredDisposal, pledged: Collection[str], *, with_entries: bool = True) -> pb.Disposal:
    """Returns a disposal as a message; ``pledged`` are the assets with an active pledge of its loan."""
    disposal, currency = stored.disposal, stored.currency
    result = result_of(disposal, stored.state, stored.entries)
    loan = f"loans/{disposal.loan_id}"
    message = pb.Disposal(
        name=disposal.name,
        borrower=stored.borrower,
        state=pb.DisposalState.ValueType(stored.state),
        default_date=convert.calendar_date(disposal.default),
        cause=pb.DisposalCause.ValueType(disposal.cause),
        breach=f"{loan}/breaches/{disposal.breach_number}" if disposal.breach_number else "",
        discount_rate=convert.decimal(disposal.discount_rate),
        assets=[f"assets/{item.asset_id}" for item in disposal.items],
        expected=_expected_message(result.expected, currency),
        exposure=convert.money(disposal.exposure_minor, currency),
        items=[_item_message(item, currency, pledged) for item in result.items],
        entries=_entry_messages(stored) if with_entries else [],
        next_steps=[pb.DisposalStep.ValueType(step) for step in next_steps(stored.state)],
    )
    _add_result(message, result, currency)
    return message


def _add_result(message: pb.Disposal, result: DisposalResult, currency: str) -> None:
    message.net_proceeds.CopyFrom(convert.money(result.net_minor, currency))
    message.present_value.CopyFrom(convert.money(result.present_minor, currency))
    message.loss_given_default.CopyFrom(convert.decimal(result.loss))
    message.loss_estimated = message.state != pb.DISPOSAL_STATE_CLOSED
    for name in ("realised_to_market", "realised_to_lendable"):
        if (ratio := getattr(result, name)) is not None:
            getattr(message, name).CopyFrom(convert.decimal(ratio))
    if result.days is not None:
        message.realisation_days = result.days


def _item_message(result: ItemResult, currency: str, pledged: Collection[str]) -> pb.DisposalItem:
    item = result.item
    message = pb.DisposalItem(
        asset=f"assets/{item.asset_id}",
        asset_class=item.asset_class,
        references=[_reference_message(one, currency) for one in item.references],
        liquidation_days=item.liquidation_days or 0,
        confidence=convert.optional_decimal(item.confidence),
        net_proceeds=convert.money(result.net_minor, currency),
        expected_proceeds=None if result.is_finished else convert.money(result.expected_minor, currency),
        realised_to_market=convert.optional_decimal(result.realised_to_market),
        realised_to_lendable=convert.optional_decimal(result.realised_to_lendable),
        finished=result.is_finished,
        buyer_related=result.buyer_related,
        still_pledged=result.days is not None and item.asset_id in pledged,
    )
    if result.days is not None:
        message.realisation_days = result.days
    return message


def _reference_message(one: ReferenceValue, currency: str) -> pb.ReferenceValue:
    message = pb.ReferenceValue(days_before=one.days_before, date=convert.calendar_date(one.day), sequence=one.seq)
    if not one.seq:
        return message
    message.market_date.CopyFrom(convert.calendar_date(one.valued))
    message.state = valuation_pb2.ValuationState.ValueType(one.state)
    if one.is_known:
        message.market_value.CopyFrom(convert.money(one.market_minor, currency))
        message.lendable_value.CopyFrom(convert.money(one.lendable_minor, currency))
    for name in ("haircut", *(f"{part}_haircut" for part in ("value", "market", "liquidity", "cost", "legal"))):
        if (share := convert.ratio(getattr(one, name))) is not None:
            getattr(message, name).CopyFrom(share)
    message.model, message.haircut_model = model_name(one.model), one.haircut_model
    message.policy = f"policies/{one.policy_id}" if one.policy_id else ""
    return message


def _entry_messages(stored: StoredDisposal) -> list[pb.DisposalEntry]:
    corrected, number = corrected_numbers(stored.entries), 0
    found = []
    for step in stored.steps:
        message = _entry_message(step, stored.currency)
        if (proceeds := step.entry.details.proceeds) is not None:
            number += 1
            row = _proceeds_message(proceeds, number, stored.currency, is_corrected=number in corrected)
            message.proceeds.CopyFrom(row)
        found.append(message)
    return found


def _entry_message(step: StoredEntry, currency: str) -> pb.DisposalEntry:
    entry, details = step.entry, step.entry.details
    return pb.DisposalEntry(
        number=entry.number,
        step=pb.DisposalStep.ValueType(entry.step),
        actor=entry.actor,
        note=entry.note,
        create_time=convert.timestamp(step.known_us),
        commit_sequence=step.seq,
        date=convert.calendar_date(details.day),
        expected=_expected_message(details.expected, currency),
        claim_amount=convert.money(details.claim.amount_minor, currency) if details.claim else None,
        claim_addressee=details.claim.addressee if details.claim else "",
    )


def _proceeds_message(proceeds: Proceeds, number: int, currency: str, *, is_corrected: bool) -> pb.Proceeds:
    return pb.Proceeds(
        number=number,
        asset=f"assets/{proceeds.asset_id}" if proceeds.asset_id else "",
        invoice_number=proceeds.invoice_number,
        method=pb.RealisationMethod.ValueType(proceeds.method),
        amount=convert.money(proceeds.amount_minor, currency),
        cost=convert.money(proceeds.cost_minor, currency),
        loan_amount=convert.money(proceeds.loan_minor, currency),
        date=convert.calendar_date(proceeds.day),
        buyer=proceeds.buyer,
        buyer_related=proceeds.buyer_related,
        finishes_asset=proceeds.finishes_asset,
        corrects=proceeds.corrects,
        corrected=is_corrected,
    )


def _expected_message(expected: Expected | None, currency: str) -> pb.ExpectedProceeds | None:
    if expected is None:
        return None
    return pb.ExpectedProceeds(amount=convert.money(expected.minor, currency), date=convert.calendar_date(expected.day))


@dataclass(frozen=True)
class Stated(Generic[T]):
    """What a request states, with its amounts by field, whose currency must be the loan's."""

    value: T
    amounts: Mapping[str, Money]

    def in_currency(self, currency: str) -> T:
        """Returns what is stated; raises InvalidInput for an amount in another currency."""
        for field, amount in self.amounts.items():
            if amount.currency != currency:
                raise InvalidInput(field, amount.currency, f"the loan's currency {currency}")
        return self.value


def read_expected(field: str, message: pb.Disposal | pb.RecordProceedsRequest) -> Stated[Expected | None]:
    """Returns what a request states as still expected; raises InvalidInput for every wrong field."""
    if not message.HasField("expected"):
        return Stated(None, {})
    read = convert.read_all(
        amount=lambda: convert.read_money(f"{field}.amount", message.expected.amount),
        day=lambda: convert.required_date(f"{field}.date", message.expected, "date"),
    )
    return Stated(Expected(read["amount"].minor, read["day"]), {f"{field}.amount": read["amount"]})


def read_claim(request: pb.RecordClaimRequest) -> Stated[Claim]:
    """Returns the claim of a request; raises InvalidInput for every wrong field."""
    read = convert.read_all(
        amount=lambda: convert.read_money("amount", request.amount),
        addressee=lambda: checked_text("addressee", request.addressee),
    )
    return Stated(Claim(read["addressee"], read["amount"].minor), {"amount": read["amount"]})


def read_proceeds(message: pb.Proceeds) -> Stated[Proceeds]:
    """Returns the proceeds of a request; raises one InvalidInput that lists every wrong field."""
    read = convert.read_all(
        asset_id=lambda: id_of("proceeds.asset", message.asset, "assets")[0] if message.asset else "",
        method=lambda: convert.member("proceeds.method", RealisationMethod, message.method),
        amount=lambda: convert.read_money("proceeds.amount", message.amount),
        cost=lambda: convert.read_optional_money("proceeds.cost", message, "cost"),
        loan=lambda: convert.read_optional_money("proceeds.loan_amount", message, "loan_amount"),
        day=lambda: convert.required_date("proceeds.date", message, "date"),
    )
    amount, cost, of_loan = read["amount"], read["cost"], read["loan"]
    proceeds = Proceeds(
        asset_id=read["asset_id"],
        invoice_number=message.invoice_number,
        method=read["method"],
        amount_minor=amount.minor,
        cost_minor=cost.minor if cost else 0,
        loan_minor=of_loan.minor if of_loan else amount.minor,
        day=read["day"],
        buyer=message.buyer,
        buyer_related=message.buyer_related,
        finishes_asset=message.finishes_asset,
        corrects=message.corrects,
    )
    amounts = {"proceeds.amount": amount, "proceeds.cost": cost, "proceeds.loan_amount": of_loan}
    return Stated(proceeds, {field: one for field, one in amounts.items() if one is not None})


def realisation_message(one: ClassRealisation) -> pb.ClassRealisation:
    """Returns the tests of a class as a message."""
    return pb.ClassRealisation(
        asset_class=one.asset_class,
        liquidation_count=one.liquidations,
        below_count=one.below,
        below_share=convert.ratio(one.below_share),
        upper_bound=convert.ratio(one.upper_bound),
        probability=convert.ratio(one.probability),
        verdict=pb.RealisationVerdict.ValueType(one.verdict),
        open_count=one.open,
        open_below_count=one.open_below,
        related_count=one.related,
        unvalued_count=one.unvalued,
        promise_count=one.promises,
        exceedance_count=one.exceedances,
        expected_exceedances=convert.ratio(one.expected_exceedances),
        kupiec_p=convert.ratio(one.kupiec_p),
        light=one.light,
        late_count=one.late,
    )
