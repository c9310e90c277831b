"""LoanService."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from google.protobuf.message import Message

from collateral_registry.commands import lend, pledges
from collateral_registry.commands.lend import BalanceProblem, BalancePush
from collateral_registry.commands.pledges import ReleaseAsked
from collateral_registry.domain.lending import (
    LTV_LIMIT_PPM,
    Balance,
    Loan,
    LoanState,
    LtvLimits,
    Pledge,
    ppm_of,
)
from collateral_registry.domain.levels import Basis
from collateral_registry.domain.money import Money
from collateral_registry.domain.names import checked_id, id_of
from collateral_registry.rpc import wire
from collateral_registry.rpc.calls import Calls
from collateral_registry.rpc.cover_message import cover_message
from collateral_registry.rpc.filtering import conditions_in
from collateral_registry.rpc.masks import masked
from collateral_registry.rpc.paging import page_size, page_token, position_of
from collateral_registry.store.covers import newest_claims, newest_covers
from collateral_registry.store.database import Connection, Write
from collateral_registry.store.loans import (
    StoredLoan,
    StoredPledge,
    get_loan,
    get_pledge,
    list_loans,
    list_pledges,
)
from collateral_registry.v1 import common_pb2, loan_pb2_grpc
from collateral_registry.v1 import loan_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM

BALANCES_LIMIT = 10_000
ENUMS = {"state": {state.name: int(state) for state in LoanState}}
LOAN_MASK = ("borrower", "credit_limit", "ltv_basis", "ltv_levels", "maturity_date")
PLEDGE_MASK = (
    "rank",
    "share",
    "limit",
    "registry",
    "registration_number",
    "registration_date",
    "registration_expire_date",
)
LEVELS = ("watch", "margin_call", "stop_draw", "liquidation")


class LoanServicer(loan_pb2_grpc.LoanServiceServicer):
    """Registers loans and the assets pledged to them."""

    def __init__(self, calls: Calls) -> None:
        """Serves the book behind the calls."""
        self.calls = calls

    async def CreateLoan(self, request: pb.CreateLoanRequest, context: Any) -> pb.Loan:  # noqa: ANN401, ARG002, N802
        """Registers a loan."""
        loan = read_loan(request.loan, checked_id("loan_id", request.loan_id))
        work = _loan_answer(lambda write: lend.create_loan(write, loan))
        return await self.calls.write(request, "CreateLoan", pb.Loan, work)

    async def GetLoan(self, request: pb.GetLoanRequest, context: Any) -> pb.Loan:  # noqa: ANN401, ARG002, N802
        """Returns one loan."""
        (loan_id,) = id_of("name", request.name, "loans")
        return await self.calls.read(lambda connection: loan_messages(connection, [get_loan(connection, loan_id)])[0])

    async def ListLoans(self, request: pb.ListLoansRequest, context: Any) -> pb.ListLoansResponse:  # noqa: ANN401, ARG002, N802
        """Lists loans."""
        wanted = conditions_in(request.filter, ENUMS)
        limit, query = page_size(request.page_size), f"ListLoans {request.filter}"
        after = position_of(query, request.page_token) or [""]

        def work(connection: Connection) -> pb.ListLoansResponse:
            rows = list_loans(connection, wanted, str(after[0]), limit + 1)
            token = page_token(query, [rows[limit - 1].loan.loan_id]) if len(rows) > limit else ""
            return pb.ListLoansResponse(loans=loan_messages(connection, rows[:limit]), next_page_token=token)

        return await self.calls.read(work)

    async def UpdateLoan(self, request: pb.UpdateLoanRequest, context: Any) -> pb.Loan:  # noqa: ANN401, ARG002, N802
        """Changes the terms in the mask."""
        (loan_id,) = id_of("loan.name", request.loan.name, "loans")

        def changed(loan: Loan) -> Loan:
            message = _message(loan)
            masked(request.loan, message, request.update_mask, LOAN_MASK)
            return replace(read_loan(message, loan_id), state=loan.state)

        work = _loan_answer(lambda write: lend.change_terms(write, loan_id, request.loan.etag, changed))
        return await self.calls.write(request, "UpdateLoan", pb.Loan, work)

    async def UpdateBalances(  # noqa: N802
        self,
        request: pb.UpdateBalancesRequest,
        context: Any,  # noqa: ANN401, ARG002
    ) -> pb.UpdateBalancesResponse:
        """Takes in balances."""
        if not 1 <= len(request.balances) <= BALANCES_LIMIT:
            raise InvalidInput("balances", f"{len(request.balances)} items", f"1 to {BALANCES_LIMIT} in a message")
        pushes, refused = _read_balances(request)

        def work(write: Write) -> pb.UpdateBalancesResponse:
            taken = lend.take_balances(write, pushes, refused)
            problems = [pb.BalanceProblem(index=one.index, reason=one.reason) for one in taken.problems]
            return pb.UpdateBalancesResponse(
                accepted_count=taken.accepted,
                duplicate_count=taken.duplicates,
                problems=problems,
                sequence=write.seq if taken.accepted else 0,
            )

        return await self.calls.write(
            request, "UpdateBalances", pb.UpdateBalancesResponse, work, lambda answer: answer.sequence > 0
        )

    async def CheckDraw(self, request: pb.CheckDrawRequest, context: Any) -> pb.CheckDrawResponse:  # noqa: ANN401, ARG002, N802
        """Tells whether a draw would be allowed."""
        (loan_id,) = id_of("name", request.name, "loans")
        amount = wire.read_money("amount", request.amount)

        def work(connection: Connection) -> pb.CheckDrawResponse:
            answer = lend.check_draw(connection, loan_id, amount)
            headroom = wire.money(answer.headroom.minor, answer.headroom.currency)
            return pb.CheckDrawResponse(allowed=answer.allowed, headroom=headroom, reason=answer.reason)

        return await self.calls.read(work)

    async def CloseLoan(self, request: pb.CloseLoanRequest, context: Any) -> pb.Loan:  # noqa: ANN401, ARG002, N802
        """Closes a loan on which nothing is owed."""
        (loan_id,) = id_of("name", request.name, "loans")
        work = _loan_answer(lambda write: lend.close_loan(write, loan_id, request.etag))
        return await self.calls.write(request, "CloseLoan", pb.Loan, work)

    async def PledgeAsset(self, request: pb.PledgeAssetRequest, context: Any) -> pb.Pledge:  # noqa: ANN401, ARG002, N802
        """Pledges an asset."""
        (loan_id,) = id_of("parent", request.parent, "loans")
        pledge = read_pledge(request.pledge, loan_id, checked_id("pledge_id", request.pledge_id))
        work = _pledge_answer(lambda write: pledges.pledge_asset(write, pledge))
        return await self.calls.write(request, "PledgeAsset", pb.Pledge, work)

    async def ListPledges(  # noqa: N802
        self,
        request: pb.ListPledgesRequest,
        context: Any,  # noqa: ANN401, ARG002
    ) -> pb.ListPledgesResponse:
        """Lists the pledges of a loan."""
        (loan_id,) = id_of("parent", request.parent, "loans")
        limit, query = page_size(request.page_size), f"ListPledges {request.parent}"
        after = position_of(query, request.page_token) or [""]

        def work(connection: Connection) -> pb.ListPledgesResponse:
            get_loan(connection, loan_id)
            rows = list_pledges(connection, loan_id, str(after[0]), limit + 1)
            token = page_token(query, [rows[limit - 1].pledge.pledge_id]) if len(rows) > limit else ""
            return pb.ListPledgesResponse(pledges=pledge_messages(connection, rows[:limit]), next_page_token=token)

        return await self.calls.read(work)

    async def UpdatePledge(self, request: pb.UpdatePledgeRequest, context: Any) -> pb.Pledge:  # noqa: ANN401, ARG002, N802
        """Changes the fields in the mask."""
        loan_id, pledge_id = id_of("pledge.name", request.pledge.name, "loans", "pledges")

        def changed(pledge: Pledge) -> Pledge:
            message = _pledge_message(pledge)
            masked(request.pledge, message, request.update_mask, PLEDGE_MASK)
            return read_pledge(message, loan_id, pledge_id)

        work = _pledge_answer(
            lambda write: pledges.change_pledge(write, loan_id, pledge_id, request.pledge.etag, changed)
        )
        return await self.calls.write(request, "UpdatePledge", pb.Pledge, work)

    async def ReleasePledge(self, request: pb.ReleasePledgeRequest, context: Any) -> pb.Pledge:  # noqa: ANN401, ARG002, N802
        """Releases a pledge, whole or in part."""
        loan_id, pledge_id = id_of("name", request.name, "loans", "pledges")
        share = wire.read_optional_decimal("share", request, "share")
        asked = ReleaseAsked(
            share_ppm=None if share is None else ppm_of("share", share, PPM),
            quantity=wire.read_optional_decimal("quantity", request, "quantity"),
        )
        work = _pledge_answer(lambda write: pledges.release_pledge(write, loan_id, pledge_id, request.etag, asked))
        return await self.calls.write(request, "ReleasePledge", pb.Pledge, work)


def _loan_answer(work: Callable[[Write], StoredLoan]) -> Callable[[Write], pb.Loan]:
    return lambda write: loan_messages(write.connection, [work(write)])[0]


def _pledge_answer(work: Callable[[Write], StoredPledge]) -> Callable[[Write], pb.Pledge]:
    def answer(write: Write) -> pb.Pledge:
        done = work(write).pledge
        return pledge_messages(write.connection, [get_pledge(write.connection, done.loan_id, done.pledge_id)])[0]

    return answer


def _read_balances(request: pb.UpdateBalancesRequest) -> tuple[list[BalancePush], list[BalanceProblem]]:
    """Reads every balance that can be read; the others become problems."""
    pushes, refused = [], []
    for index, message in enumerate(request.balances):
        try:
            (loan_id,) = id_of("loan", message.loan, "loans")
            pushes.append(BalancePush(index, loan_id, _read_balance(message, message.principal.currency_code)))
        except InvalidInput as error:
            refused.append(BalanceProblem(index, str(error)))
    return pushes, refused


def _read_balance(message: Any, currency: str) -> Balance:  # noqa: ANN401 - a loan or a balance
    """The balance in a message; absent interest and fees are nothing, an absent principal too."""
    day = wire.required_date("balance_date", message, "balance_date")

    def amount(name: str) -> Money:
        return wire.read_optional_money(name, message, name) or Money(0, currency)

    return Balance(amount("principal"), amount("accrued_interest"), amount("fees"), day)


def read_loan(message: pb.Loan, loan_id: str) -> Loan:
    """The loan in a message; raises InvalidInput naming the field."""
    return Loan(
        loan_id=loan_id,
        borrower=message.borrower,
        currency=message.currency_code,
        balance=_read_balance(message, message.currency_code),
        credit_limit=wire.read_optional_money("credit_limit", message, "credit_limit"),
        ltv_basis=wire.member("ltv_basis", Basis, message.ltv_basis) if message.ltv_basis else None,
        ltv_limits=_read_limits(message.ltv_levels) if message.HasField("ltv_levels") else None,
        maturity=wire.read_date("maturity_date", message, "maturity_date"),
    )


def _read_limits(message: common_pb2.LtvLevels) -> LtvLimits:
    return LtvLimits(*(ppm_of(f"ltv_levels.{name}", _level(message, name), LTV_LIMIT_PPM) for name in LEVELS))


def _level(message: common_pb2.LtvLevels, name: str) -> Decimal:
    return wire.read_decimal(f"ltv_levels.{name}", getattr(message, name))


def read_pledge(message: pb.Pledge, loan_id: str, pledge_id: str) -> Pledge:
    """The pledge in a message; raises InvalidInput naming the field."""
    (asset_id,) = id_of("pledge.asset", message.asset, "assets")
    share = wire.read_optional_decimal("share", message, "share")
    return Pledge(
        pledge_id=pledge_id,
        loan_id=loan_id,
        asset_id=asset_id,
        rank=message.rank or 1,
        share_ppm=PPM if share is None else ppm_of("share", share, PPM),
        limit=wire.read_optional_money("limit", message, "limit"),
        registry=message.registry,
        registration_number=message.registration_number,
        registered=wire.read_date("registration_date", message, "registration_date"),
        registration_expire=wire.read_date("registration_expire_date", message, "registration_expire_date"),
    )


def loan_messages(connection: Connection, rows: list[StoredLoan]) -> list[pb.Loan]:
    """Stored loans as messages with their newest cover."""
    keys = np.array([row.key for row in rows], dtype=np.int64)
    columns = newest_covers(connection, keys)
    covers = {
        int(key): {name: column[at] for name, column in columns.items()} for at, key in enumerate(columns["loan_key"])
    }
    messages = []
    for row in rows:
        message = _message(row.loan)
        message.etag = str(row.revision)
        message.create_time.CopyFrom(wire.timestamp(row.created_us))
        if row.key in covers:
            cover = {name: value.item() for name, value in covers[row.key].items()}
            message.cover.CopyFrom(cover_message(cover, row.loan.currency))
        messages.append(message)
    return messages


def _message(loan: Loan) -> pb.Loan:
    balance, limits = loan.balance, loan.ltv_limits
    message = pb.Loan(
        name=f"loans/{loan.loan_id}",
        borrower=loan.borrower,
        currency_code=loan.currency,
        principal=wire.money(balance.principal.minor, loan.currency),
        accrued_interest=wire.money(balance.accrued_interest.minor, loan.currency),
        fees=wire.money(balance.fees.minor, loan.currency),
        balance_date=wire.calendar_date(balance.day),
        credit_limit=wire.money(loan.credit_limit.minor, loan.currency) if loan.credit_limit else None,
        ltv_basis=int(loan.ltv_basis or 0),
        maturity_date=wire.calendar_date(loan.maturity),
        state=int(loan.state),
    )
    if limits is not None:
        for name, ppm in zip(LEVELS, limits.as_tuple(), strict=True):
            getattr(message.ltv_levels, name).CopyFrom(wire.decimal((Decimal(ppm) / PPM).normalize()))
    return message


def pledge_messages(connection: Connection, rows: list[StoredPledge]) -> list[pb.Pledge]:
    """Stored pledges as messages with their newest claims."""
    claims = newest_claims(connection, [row.key for row in rows])
    currency = {row.loan_key: get_loan(connection, row.pledge.loan_id).loan.currency for row in rows[:1]}
    messages: list[Message] = []
    for row in rows:
        message = _pledge_message(row.pledge)
        message.etag = str(row.revision)
        message.create_time.CopyFrom(wire.timestamp(row.created_us))
        market, lendable = claims.get(row.key, (0, 0))
        message.market_claim.CopyFrom(wire.money(market, currency[row.loan_key]))
        message.lendable_claim.CopyFrom(wire.money(lendable, currency[row.loan_key]))
        messages.append(message)
    return messages


def _pledge_message(pledge: Pledge) -> pb.Pledge:
    return pb.Pledge(
        name=f"loans/{pledge.loan_id}/pledges/{pledge.pledge_id}",
        asset=f"assets/{pledge.asset_id}",
        rank=pledge.rank,
        share=wire.decimal((Decimal(pledge.share_ppm) / PPM).normalize()),
        limit=wire.money(pledge.limit.minor, pledge.limit.currency) if pledge.limit else None,
        registry=pledge.registry,
        registration_number=pledge.registration_number,
        registration_date=wire.calendar_date(pledge.registered),
        registration_expire_date=wire.calendar_date(pledge.registration_expire),
        state=int(pledge.state),
    )
