"""Conversion between borrowing bases, reserves and messages."""

from __future__ import annotations

from collections.abc import Iterable

from collateral_registry.commands.borrowing_base.bases import RecordedBase
from collateral_registry.commands.borrowing_base.class_lines import ClassLines
from collateral_registry.domain.borrowing_base.base import BaseLine, ClassAmount, Reserve, ReserveKind
from collateral_registry.domain.borrowing_base.class_lines import ClassLine
from collateral_registry.domain.loans.agreements import check_loan_currency, ppm_of
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import add_ltv, coverage_message, level_message
from collateral_registry.store.borrowing_base.reserves import StoredReserve
from collateral_registry.v1 import borrowing_base_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM


def base_message(found: RecordedBase, lines: ClassLines) -> pb.BorrowingBase:
    """Returns the base of a loan as a message, with the lines of its classes."""
    loan, row, base = found.loan, found.judgement, found.base
    currency, name = loan.currency, f"loans/{loan.loan_id}"
    decision = row["base_minor"] - row["withheld_base_minor"]
    message = pb.BorrowingBase(
        loan=name,
        sequence=row["seq"],
        market_date=convert.day(row["market_day"]),
        classes=[
            _class_message(one, kept, lines[one.name], currency)
            for one, kept in zip(base.classes, base.kept_minor, strict=True)
        ],
        base_before_reserves=convert.money(base.before_reserves_minor, currency),
        reserves=[
            pb.DeductedReserve(
                reserve=f"{name}/reserves/{reserve.reserve_id}" if reserve.reserve_id else "",
                source=reserve.computed_from,
                kind=pb.ReserveKind.Value(f"RESERVE_KIND_{reserve.kind.name}"),
                deduction=convert.money(amount, currency),
            )
            for reserve, amount in base.deductions
        ],
        base=convert.money(base.base_minor, currency),
        last_good_base=convert.money(row["good_base_minor"], currency),
        decision_base=convert.money(decision, currency),
        line=convert.optional_money(loan.credit_limit),
        exposure=convert.money(row["exposure_minor"], currency),
        contingent=convert.money(loan.balance.contingent_minor, currency),
        used=convert.money(base.used_minor, currency),
        block=convert.money(base.terms.block_minor, currency),
        availability=convert.money(base.availability_minor, currency),
        over_advance=convert.money(base.over_advance_minor, currency),
        permitted_over_advance=convert.money(found.permitted_over_advance_minor, currency),
        headroom=convert.money(found.headroom.largest, currency),
        binding_rule=found.headroom.refusal,
        level=level_message(row["level"]),
        coverage=coverage_message(row["coverage_unknown"]),
        unknown_reasons=convert.unknown_reasons(row["unknown"]),
        lines=[_line_message(line, currency) for line in base.lines()],
    )
    add_ltv(message, base.used_minor, base.base_minor)
    return message


def _class_message(one: ClassAmount, kept_minor: int, lines: Iterable[ClassLine], currency: str) -> pb.BaseClass:
    return pb.BaseClass(
        asset_class=one.name,
        lendable_value=convert.money(one.amount_minor, currency),
        amount_limit=None if one.limit_minor is None else convert.money(one.limit_minor, currency),
        share_limit=None if one.share_ppm == PPM else convert.of_millionths(one.share_ppm),
        counted_value=convert.money(kept_minor, currency),
        lines=[_class_line_message(line, currency) for line in lines],
    )


def _class_line_message(line: ClassLine, currency: str) -> pb.ClassLine:
    return pb.ClassLine(
        step=line.cause.step,
        rule=line.cause.rule,
        amount=convert.money(line.amount_minor, currency),
        sentence_en=line.cause.english,
        sentence_zh=line.cause.chinese,
        pools=[
            pb.PoolShare(
                asset=f"assets/{one.asset_id}",
                amount=convert.money(one.amount_minor, currency),
                invoice_count=one.invoices,
            )
            for one in line.pools
        ],
    )


def _line_message(line: BaseLine, currency: str) -> pb.BaseLine:
    return pb.BaseLine(step=line.step, subject=line.subject, amount=convert.money(line.amount_minor, currency))


def check_currency(message: pb.Reserve, currency: str) -> None:
    """Raises InvalidInput if the amount of a reserve is in another currency than its loan."""
    check_loan_currency("amount", convert.read_optional_money("amount", message, "amount"), currency)


def read_reserve(message: pb.Reserve, reserve_id: str) -> Reserve:
    """Returns the reserve in a message; raises InvalidInput with the names of the fields."""
    stated = message.WhichOneof("deduction")

    def amount_minor() -> int | None:
        amount = convert.read_optional_money("amount", message, "amount")
        return amount.minor if amount else None

    def rate_ppm() -> int | None:
        rate = convert.read_optional_decimal("rate", message, "rate")
        return None if rate is None else ppm_of("rate", rate, PPM, low=0)

    def deduction() -> None:
        if stated is None:
            raise InvalidInput("deduction", "nothing", "an amount or a rate")

    read = convert.read_all(
        kind=lambda: convert.member("kind", ReserveKind, message.kind),
        owner=lambda: checked_text("owner", message.owner),
        reason=lambda: checked_text("reason", message.reason),
        first_day=lambda: convert.required_date("first_date", message, "first_date"),
        last_day=lambda: convert.read_date("last_date", message, "last_date"),
        amount_minor=amount_minor,
        rate_ppm=rate_ppm,
        deduction=deduction,
    )
    del read["deduction"]
    return Reserve(reserve_id=reserve_id, **read)


def reserve_message(stored: StoredReserve) -> pb.Reserve:
    """Returns a stored reserve as a message."""
    reserve = stored.reserve
    return pb.Reserve(
        name=stored.name,
        kind=pb.ReserveKind.Value(f"RESERVE_KIND_{reserve.kind.name}"),
        amount=None if reserve.amount_minor is None else convert.money(reserve.amount_minor, stored.currency),
        rate=None if reserve.rate_ppm is None else convert.of_millionths(reserve.rate_ppm),
        owner=reserve.owner,
        reason=reserve.reason,
        first_date=convert.calendar_date(reserve.first_day),
        last_date=convert.calendar_date(reserve.last_day),
        create_time=convert.timestamp(stored.created_us),
        end_time=convert.optional_timestamp(stored.ended_us),
        ended_by=stored.ended_by,
        end_reason=stored.end_reason,
    )
