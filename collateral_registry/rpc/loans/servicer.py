"""Servicer of LoanService."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from grpc.aio import ServicerContext

from collateral_registry.commands.loans import draws, lending, pledges
from collateral_registry.commands.loans.cures import cures_in_kind
from collateral_registry.commands.loans.lending import BalanceProblem, BalancePush
from collateral_registry.commands.loans.up_to_date import active_loan
from collateral_registry.commands.pipeline.settle import settled
from collateral_registry.domain.loans.agreements import Loan, Pledge
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_id, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.rpc.common.field_masks import masked
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.loans.messages import (
    cure_messages,
    draw_message,
    loan_messages,
    new_terms,
    plain_loan,
    pledge_messages,
    read_balance,
    read_loan,
    read_pledge,
    read_release,
)
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.up_to_date import read_up_to_date
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pledges import StoredPledge, get_pledge, list_pledges
from collateral_registry.store.loans.repository import StoredLoan, get_loan, list_loans
from collateral_registry.v1 import loan_pb2 as pb, loan_pb2_grpc
from valuation.errors import InvalidInput

BALANCES_LIMIT = 10_000
LOAN_MASK = ("borrower", "credit_limit", "ltv_basis", "ltv_levels", "maturity_date", "borrowing_base_terms")


class LoanServicer(loan_pb2_grpc.LoanServiceServicer):
    """Registers loans, their balances and the pledges that secure them."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CreateLoan(self, request: pb.CreateLoanRequest, context: ServicerContext) -> pb.Loan:
        """Registers a loan with its first balance."""
        read = convert.read_all(
            loan=lambda: read_loan(request.loan, request.loan_id),
            loan_id=lambda: checked_id("loan_id", request.loan_id),
        )
        loan: Loan = read["loan"]
        work = _loan_answer(lambda write: lending.create_loan(write, loan))
        return await self.runner.write(call_of(request, "CreateLoan", pb.Loan), work)

    async def GetLoan(self, request: pb.GetLoanRequest, context: ServicerContext) -> pb.Loan:
        """Returns one loan with its cover and the assets that would cure a breach in kind."""
        (loan_id,) = id_of("name", request.name, "loans")

        def work(connection: Connection) -> pb.Loan:
            stored = get_loan(connection, loan_id)
            message = loan_messages(connection, [stored])[0]
            message.cover.cures_in_kind.extend(cure_messages(cures_in_kind(connection, stored), stored.loan.currency))
            return message

        return await self.runner.read(work)

    async def ListLoans(self, request: pb.ListLoansRequest, context: ServicerContext) -> pb.ListLoansResponse:
        """Lists loans in the order of their ids."""
        wanted, page = filtered_page(request, "ListLoans", "")

        def work(connection: Connection) -> pb.ListLoansResponse:
            rows, token = page.cut(list_loans(connection, wanted, *page.bounds), lambda row: row.loan.loan_id)
            return pb.ListLoansResponse(loans=loan_messages(connection, rows), next_page_token=token)

        return await self.runner.read(work)

    async def UpdateLoan(self, request: pb.UpdateLoanRequest, context: ServicerContext) -> pb.Loan:
        """Changes the terms that the mask names and judges the loan again."""
        (loan_id,) = id_of("loan.name", request.loan.name, "loans")

        def changed(loan: Loan) -> Loan:
            message = plain_loan(loan)
            masked(request.loan, message, request.update_mask, LOAN_MASK)
            return replace(read_loan(message, loan_id), state=loan.state)

        work = _loan_answer(lambda write: lending.change_terms(write, loan_id, request.loan.etag, changed))
        return await self.runner.write(call_of(request, "UpdateLoan", pb.Loan), work)

    async def UpdateBalances(
        self, request: pb.UpdateBalancesRequest, context: ServicerContext
    ) -> pb.UpdateBalancesResponse:
        """Records the balances of many loans. Balances that cannot be read or booked are returned as problems."""
        check_count("balances", request.balances, BALANCES_LIMIT)
        pushes, refused = await _read_balances(request)

        def work(write: Write) -> pb.UpdateBalancesResponse:
            taken = lending.ingest_balances(write, pushes, refused)
            problems = [pb.BalanceProblem(index=one.index, reason=one.reason) for one in taken.problems]
            return pb.UpdateBalancesResponse(
                accepted_count=taken.accepted,
                duplicate_count=taken.duplicates,
                problems=problems,
                sequence=write.seq if taken.accepted else 0,
            )

        return await self.runner.write(
            call_of(request, "UpdateBalances", pb.UpdateBalancesResponse), work, lambda answer: answer.sequence > 0
        )

    async def CheckDraw(self, request: pb.CheckDrawRequest, context: ServicerContext) -> pb.CheckDrawResponse:
        """Returns whether a draw of an amount would be allowed, and the largest allowed draw."""
        read = convert.read_all(
            loan_id=lambda: id_of("name", request.name, "loans")[0], amount=lambda: _read_amount(request)
        )

        def work(connection: Connection) -> pb.CheckDrawResponse:
            return draw_message(draws.check_draw(connection, **read))

        return await read_up_to_date(self.runner, partial(active_loan, loan_id=read["loan_id"]), work)

    async def CloseLoan(self, request: pb.CloseLoanRequest, context: ServicerContext) -> pb.Loan:
        """Closes a loan on which nothing is owed and releases its pledges."""
        (loan_id,) = id_of("name", request.name, "loans")
        work = _loan_answer(lambda write: lending.close_loan(write, loan_id, request.etag))
        return await self.runner.write(call_of(request, "CloseLoan", pb.Loan), work)

    async def PledgeAsset(self, request: pb.PledgeAssetRequest, context: ServicerContext) -> pb.Pledge:
        """Pledges an asset to a loan."""
        read = convert.read_all(
            parent=lambda: id_of("parent", request.parent, "loans"),
            pledge=lambda: read_pledge(request.pledge, request.parent.removeprefix("loans/"), request.pledge_id),
            pledge_id=lambda: checked_id("pledge_id", request.pledge_id),
        )
        pledge: Pledge = read["pledge"]
        work = _pledge_answer(lambda write: pledges.pledge_asset(write, pledge))
        return await self.runner.write(call_of(request, "PledgeAsset", pb.Pledge), work)

    async def GetPledge(self, request: pb.GetPledgeRequest, context: ServicerContext) -> pb.Pledge:
        """Returns one pledge with its claims."""
        names = id_of("name", request.name, "loans", "pledges")
        return await self.runner.read(
            lambda connection: pledge_messages(connection, [get_pledge(connection, *names)])[0]
        )

    async def ListPledges(self, request: pb.ListPledgesRequest, context: ServicerContext) -> pb.ListPledgesResponse:
        """Lists the pledges of a loan, or of all loans, in the order of the ids of loan and pledge."""
        loan_id = "" if request.parent in EVERY_LOAN else id_of("parent", request.parent, "loans")[0]
        wanted, page = filtered_page(request, "ListPledges", ("", ""), of_parent=of_loan)

        def work(connection: Connection) -> pb.ListPledgesResponse:
            if loan_id:
                get_loan(connection, loan_id)
            found = list_pledges(connection, wanted, *page.bounds)
            rows, token = page.cut(found, lambda row: (row.pledge.loan_id, row.pledge.pledge_id))
            return pb.ListPledgesResponse(pledges=pledge_messages(connection, rows), next_page_token=token)

        return await self.runner.read(work)

    async def UpdatePledge(self, request: pb.UpdatePledgeRequest, context: ServicerContext) -> pb.Pledge:
        """Changes the fields of a pledge that the mask names and judges the loan again."""
        loan_id, pledge_id = id_of("pledge.name", request.pledge.name, "loans", "pledges")
        work = _pledge_answer(
            lambda write: pledges.change_pledge(
                write, loan_id, pledge_id, request.pledge.etag, lambda pledge: new_terms(request, pledge)
            )
        )
        return await self.runner.write(call_of(request, "UpdatePledge", pb.Pledge), work)

    async def ReleasePledge(self, request: pb.ReleasePledgeRequest, context: ServicerContext) -> pb.Pledge:
        """Releases a whole pledge, a share or a quantity; fails if the remaining collateral does not cover the loan."""
        loan_id, pledge_id = id_of("name", request.name, "loans", "pledges")
        release = read_release(request)
        work = _pledge_answer(lambda write: pledges.release_pledge(write, loan_id, pledge_id, request.etag, release))
        return await self.runner.write(call_of(request, "ReleasePledge", pb.Pledge), work)


def _read_amount(request: pb.CheckDrawRequest) -> Money:
    amount = convert.read_optional_money("amount", request, "amount")
    if amount is None:
        raise InvalidInput("amount", "nothing", "an amount of more than 0")
    return amount


def _loan_answer(work: Callable[[Write], StoredLoan]) -> Callable[[Write], pb.Loan]:
    return lambda write: loan_messages(write.connection, [settled(write, work)])[0]


def _pledge_answer(work: Callable[[Write], StoredPledge]) -> Callable[[Write], pb.Pledge]:
    def answer(write: Write) -> pb.Pledge:
        done = settled(write, work).pledge
        return pledge_messages(write.connection, [get_pledge(write.connection, done.loan_id, done.pledge_id)])[0]

    return answer


async def _read_balances(request: pb.UpdateBalancesRequest) -> tuple[list[BalancePush], list[BalanceProblem]]:
    """Returns the balances that can be read, and a problem for each balance that cannot."""
    pushes, refused = [], []
    async for index, message in convert.in_slices(request.balances):
        try:
            pushes.append(_read_balance(index, message))
        except InvalidInput as error:
            refused.append(BalanceProblem(index, str(error)))
    return pushes, refused


def _read_balance(index: int, message: pb.BalanceUpdate) -> BalancePush:
    read = convert.read_all(loan=lambda: id_of("loan", message.loan, "loans"), balance=lambda: read_balance(message))
    return BalancePush(index, read["loan"][0], read["balance"])
