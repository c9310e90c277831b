"""Conversion between loans, pledges and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from collateral_registry.commands.loans.cures import CureInKind
from collateral_registry.commands.loans.draws import DrawAnswer
from collateral_registry.commands.loans.pledges import ReleaseRequest
from collateral_registry.domain.loans.agreements import (
    LTV_LIMIT_PPM,
    Balance,
    Loan,
    OwnLimits,
    Pledge,
    PledgeMode,
    PledgeState,
    check_loan_currency,
    check_rank,
    ppm_of,
)
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.money import Money, digits_of
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import cover_message, coverage_message, level_message
from collateral_registry.rpc.common.field_masks import masked
from collateral_registry.rpc.loans.base_terms import base_terms_message, read_base_terms
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import newest_claims, newest_judgements
from collateral_registry.store.loans.pledges import StoredPledge
from collateral_registry.store.loans.repository import StoredLoan
from collateral_registry.v1 import common_pb2, loan_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM

LTV_LEVELS = ("watch", "margin_call", "stop_draw", "liquidation")


PLEDGE_MASK = (
    "rank",
    "share",
    "limit",
    "mode",
    "registry",
    "registration_number",
    "registration_date",
    "registration_expire_date",
)
"""Fields of a pledge that an update may change."""


def read_balance(message: pb.Loan | pb.BalanceUpdate) -> Balance:
    """Returns the balance in a message. Interest and fees are 0 if they are absent.

    Raises InvalidInput for a balance without a principal. Only a new loan without any amount owes nothing.
    """
    is_undrawn = isinstance(message, pb.Loan) and not any(map(message.HasField, ("accrued_interest", "fees")))

    def principal() -> Money | None:
        if not message.HasField("principal") and not is_undrawn:
            raise InvalidInput("principal", "nothing", "an amount, 0 if none is owed")
        return convert.read_optional_money("principal", message, "principal")

    day = {"day": lambda: convert.required_date("balance_date", message, "balance_date")}
    others = ("accrued_interest", "fees")
    stated = {name: partial(convert.read_optional_money, name, message, name) for name in (*others, "contingent")}
    read = convert.read_all(principal=principal, **stated, **day)
    currency = message.currency_code if isinstance(message, pb.Loan) else ""
    nothing = Money(0, read["principal"].currency if read["principal"] else currency)
    owed = {name: read[name] or nothing for name in ("principal", *others)}
    return Balance(day=read["day"], contingent=read["contingent"], **owed)


def read_loan(message: pb.Loan, loan_id: str) -> Loan:
    """Returns the loan in a message; raises InvalidInput with the name of the field."""

    def currency() -> str:
        digits_of(message.currency_code)
        return message.currency_code

    def balance() -> Balance:
        stated = read_balance(message)
        check_loan_currency("principal", stated.principal, currency())
        return stated

    def credit_limit() -> Money | None:
        stated = convert.read_optional_money("credit_limit", message, "credit_limit")
        check_loan_currency("credit_limit", stated, currency())
        return stated

    stated = convert.read_all(
        borrower=lambda: checked_text("borrower", message.borrower),
        currency=currency,
        balance=balance,
        credit_limit=credit_limit,
        ltv_basis=lambda: convert.member("ltv_basis", LtvBasis, message.ltv_basis) if message.ltv_basis else None,
        ltv_limits=lambda: _read_limits(message.ltv_levels),
        maturity=lambda: convert.read_date("maturity_date", message, "maturity_date"),
        base_terms=lambda: read_base_terms(message),
    )
    return Loan(loan_id=loan_id, **stated)


def _read_limits(message: common_pb2.LtvLevels) -> OwnLimits | None:
    """Returns the limits that a loan states itself; None if it states none."""

    def limit(name: str) -> int | None:
        field = f"ltv_levels.{name}"
        ratio = convert.read_optional_decimal(field, message, name)
        return None if ratio is None else ppm_of(field, ratio, LTV_LIMIT_PPM)

    own = OwnLimits(*map(limit, LTV_LEVELS))
    return None if own == OwnLimits() else own


def read_pledge(message: pb.Pledge, loan_id: str, pledge_id: str) -> Pledge:
    """Returns the pledge in a message; raises InvalidInput with the name of the field."""
    stated = convert.read_all(
        asset_id=lambda: id_of("asset", message.asset, "assets")[0],
        rank=lambda: check_rank(message.rank or 1),
        share_ppm=lambda: _read_share(message),
        limit=lambda: convert.read_optional_money("limit", message, "limit"),
        registered=lambda: convert.read_date("registration_date", message, "registration_date"),
        registration_expire=lambda: convert.read_date("registration_expire_date", message, "registration_expire_date"),
        mode=lambda: convert.member("mode", PledgeMode, message.mode or pb.PLEDGE_MODE_DYNAMIC),
    )
    return Pledge(
        pledge_id=pledge_id,
        loan_id=loan_id,
        registry=message.registry,
        registration_number=message.registration_number,
        **stated,
    )


def _read_share(message: pb.Pledge) -> int:
    """Returns the pledged share in millionths; an absent share is the whole asset."""
    share = convert.read_optional_decimal("share", message, "share")
    return PPM if share is None else ppm_of("share", share, PPM)


def new_terms(request: pb.UpdatePledgeRequest, pledge: Pledge) -> Pledge:
    """Returns the pledge with new values in the fields that the update mask names.

    Raises InvalidInput with the name of the field.
    """
    message = plain_pledge(pledge)
    masked(request.pledge, message, request.update_mask, PLEDGE_MASK)
    return replace(read_pledge(message, pledge.loan_id, pledge.pledge_id), state=pledge.state)


def read_release(request: pb.ReleasePledgeRequest) -> ReleaseRequest:
    """Returns the part of a pledge that a request releases; raises InvalidInput with the name of the field."""
    share = convert.read_optional_decimal("share", request, "share")
    return ReleaseRequest(
        share_ppm=None if share is None else ppm_of("share", share, PPM),
        quantity=convert.read_optional_decimal("quantity", request, "quantity"),
    )


def loan_messages(connection: Connection, rows: list[StoredLoan]) -> list[pb.Loan]:
    """Returns stored loans as messages with their newest cover."""
    keys = np.array([row.key for row in rows], dtype=np.int64)
    columns = newest_judgements(connection, keys)
    covers = {
        int(key): {name: column[at] for name, column in columns.items()} for at, key in enumerate(columns["loan_key"])
    }
    messages = []
    for row in rows:
        message = plain_loan(row.loan)
        message.etag = str(row.revision)
        message.create_time.CopyFrom(convert.timestamp(row.created_us))
        if row.key in covers:
            cover = {name: value.item() for name, value in covers[row.key].items()}
            message.cover.CopyFrom(cover_message(cover, row.loan.currency))
        messages.append(message)
    return messages


def plain_loan(loan: Loan) -> pb.Loan:
    """Returns a loan as a message without a cover, an etag and a time."""
    balance, limits = loan.balance, loan.ltv_limits
    message = convert.message_of(
        pb.Loan,
        loan,
        name=f"loans/{loan.loan_id}",
        currency_code=loan.currency,
        principal=convert.money(balance.principal.minor, loan.currency),
        accrued_interest=convert.money(balance.accrued_interest.minor, loan.currency),
        fees=convert.money(balance.fees.minor, loan.currency),
        balance_date=convert.calendar_date(balance.day),
        maturity_date=convert.calendar_date(loan.maturity),
        borrowing_base_terms=base_terms_message(loan.base_terms),
        contingent=convert.optional_money(balance.contingent),
    )
    if limits is not None:
        for name, ppm in zip(LTV_LEVELS, limits.as_tuple(), strict=True):
            if ppm is not None:
                getattr(message.ltv_levels, name).CopyFrom(convert.of_millionths(ppm))
    return message


def pledge_messages(connection: Connection, rows: list[StoredPledge]) -> list[pb.Pledge]:
    """Returns stored pledges as messages; active ones with their newest claims."""
    active = [row.key for row in rows if row.pledge.state == PledgeState.ACTIVE]
    claims = newest_claims(connection, active)
    messages = []
    for row in rows:
        message = plain_pledge(row.pledge)
        message.etag = str(row.revision)
        message.create_time.CopyFrom(convert.timestamp(row.created_us))
        if row.pledge.state == PledgeState.ACTIVE:
            market, lendable = claims.get(row.key, (0, 0))
            message.market_claim.CopyFrom(convert.money(market, row.currency))
            message.lendable_claim.CopyFrom(convert.money(lendable, row.currency))
        messages.append(message)
    return messages


def plain_pledge(pledge: Pledge) -> pb.Pledge:
    """Returns a pledge as a message without claims, an etag and a time."""
    return convert.message_of(
        pb.Pledge,
        pledge,
        name=f"loans/{pledge.loan_id}/pledges/{pledge.pledge_id}",
        asset=f"assets/{pledge.asset_id}",
        share=convert.of_millionths(pledge.share_ppm),
        registration_date=convert.calendar_date(pledge.registered),
        registration_expire_date=convert.calendar_date(pledge.registration_expire),
    )


def draw_message(answer: DrawAnswer) -> pb.CheckDrawResponse:
    """Returns the result of a draw check as a message."""
    loan, position = answer.loan, answer.position
    return pb.CheckDrawResponse(
        allowed=answer.allowed,
        headroom=convert.optional_money(answer.headroom),
        reason=answer.reason,
        reason_code=answer.refusal or 0,
        market_date=convert.calendar_date(answer.day),
        exposure=convert.money(position.exposure, loan.currency),
        collateral_value=convert.money(position.decision_pool, loan.currency),
        ltv_limit=convert.of_millionths(answer.ltv_limit_ppm),
        credit_limit=convert.optional_money(loan.credit_limit),
        maturity_date=convert.calendar_date(loan.maturity),
        level=level_message(position.level),
        coverage=coverage_message(position.coverage_unknown),
        used=convert.money(position.owed, loan.currency) if position.has_base else None,
        availability=None if answer.availability is None else convert.money(answer.availability, loan.currency),
        binding_rule=answer.binding,
    )


def cure_messages(cures: Sequence[CureInKind], currency: str) -> list[pb.CureInKind]:
    """Returns cures in kind as messages."""
    return [
        convert.message_of(
            pb.CureInKind,
            cure,
            asset=f"assets/{cure.asset_id}",
            market_value=convert.money(cure.market_minor, currency),
        )
        for cure in cures
    ]
