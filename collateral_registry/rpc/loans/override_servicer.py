"""Servicer of OverrideService."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import assert_never

from grpc.aio import ServicerContext

from collateral_registry.commands.loans import overrides as commands
from collateral_registry.domain.loans.overrides import Override, PickupTerms, PledgeTerms, ReleaseTerms
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.loans.messages import new_terms, plain_pledge, read_release
from collateral_registry.rpc.loans.pickup_servicer import of_loan, read_pickup
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.overrides import StoredOverride, get_override, list_overrides
from collateral_registry.store.loans.pledges import get_pledge
from collateral_registry.v1 import loan_pb2, override_pb2 as pb, override_pb2_grpc, pickup_pb2
from valuation.errors import InvalidInput
from valuation.money import PPM


class OverrideServicer(override_pb2_grpc.OverrideServiceServicer):
    """Records overrides: dispositions that the lender permits even if they leave a loan uncovered."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def ProposeOverride(self, request: pb.ProposeOverrideRequest, context: ServicerContext) -> pb.Override:
        """Records a proposal. The loan stays as it is until another person approves the proposal."""
        read = convert.read_all(
            loan_id=lambda: id_of("parent", request.parent, "loans")[0],
            override_id=lambda: checked_id("override_id", request.override_id),
            actor=lambda: actor_of(request),
            reason=lambda: checked_text("override.reason", request.override.reason),
        )
        loan_id, override_id, actor, reason = read["loan_id"], read["override_id"], read["actor"], read["reason"]

        def work(write: Write) -> pb.Override:
            terms = _read_disposition(write.connection, loan_id, request.override)
            return _message(commands.propose_override(write, Override(override_id, loan_id, terms, reason, actor)))

        return await self.runner.write(call_of(request, "ProposeOverride", pb.Override, actor), work)

    async def ApproveOverride(self, request: pb.ApproveOverrideRequest, context: ServicerContext) -> pb.Override:
        """Approves a proposal and makes its disposition in the same commit."""
        return await self._decide(request, "ApproveOverride", commands.approve_override)

    async def RejectOverride(self, request: pb.RejectOverrideRequest, context: ServicerContext) -> pb.Override:
        """Rejects a proposal."""
        return await self._decide(request, "RejectOverride", commands.reject_override)

    async def GetOverride(self, request: pb.GetOverrideRequest, context: ServicerContext) -> pb.Override:
        """Returns one override."""
        loan_id, override_id = id_of("name", request.name, "loans", "overrides")
        return await self.runner.read(lambda connection: _message(get_override(connection, loan_id, override_id)))

    async def ListOverrides(
        self, request: pb.ListOverridesRequest, context: ServicerContext
    ) -> pb.ListOverridesResponse:
        """Lists the overrides of a loan, or of all loans, newest first."""
        wanted, page = filtered_page(request, "ListOverrides", NEWEST, of_parent=of_loan)

        def work(connection: Connection) -> pb.ListOverridesResponse:
            messages, token = page.filled(
                list_overrides(connection, wanted, *page.bounds), lambda row: row.key, _message
            )
            return pb.ListOverridesResponse(overrides=messages, next_page_token=token)

        return await self.runner.read(work)

    async def _decide(
        self,
        request: pb.ApproveOverrideRequest | pb.RejectOverrideRequest,
        kind: str,
        decide: Callable[[Write, str, str, str], StoredOverride],
    ) -> pb.Override:
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "overrides"),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note, required=False),
        )
        loan_id, override_id = read["ids"]
        call = call_of(request, kind, pb.Override, read["actor"])
        return await self.runner.write(call, lambda write: _message(decide(write, loan_id, override_id, read["note"])))


def _read_disposition(
    connection: Connection, loan_id: str, message: pb.Override
) -> ReleaseTerms | PledgeTerms | PickupTerms:
    """Returns the disposition of a proposal; raises InvalidInput if there is none or if it concerns another loan."""
    match message.WhichOneof("disposition"):
        case "release_pledge":
            pledge_id = _pledge_of("override.release_pledge.name", message.release_pledge.name, loan_id)
            release = read_release(message.release_pledge)
            return ReleaseTerms(pledge_id, release.share_ppm, release.quantity)
        case "update_pledge":
            update = message.update_pledge
            pledge_id = _pledge_of("override.update_pledge.pledge.name", update.pledge.name, loan_id)
            stored = get_pledge(connection, loan_id, pledge_id)
            return PledgeTerms(new_terms(update, stored.pledge), stored.revision)
        case "request_pickup":
            try:
                pickup = read_pickup(message.request_pickup)
            except InvalidInput as error:
                # The request has a parent too, so the field is named from the root.
                raise error.named(lambda field: f"override.request_pickup.{field}") from None
            if pickup.loan_id != loan_id:
                raise InvalidInput("override.request_pickup.parent", f"loans/{pickup.loan_id}", f"loans/{loan_id}")
            return PickupTerms(pickup.pickup_id, pickup.asset_id, pickup.quantity, pickup.expire, pickup.note)
        case _:
            raise InvalidInput("override.disposition", "nothing", "release_pledge, update_pledge or request_pickup")


def _pledge_of(field: str, name: str, loan_id: str) -> str:
    """Returns the pledge id in a name; raises InvalidInput if the pledge belongs to another loan."""
    of_loan, pledge_id = id_of(field, name, "loans", "pledges")
    if of_loan != loan_id:
        raise InvalidInput(field, name, f"a pledge of loans/{loan_id}")
    return pledge_id


def _message(stored: StoredOverride) -> pb.Override:
    override = stored.override
    message = convert.message_of(
        pb.Override,
        override,
        propose_time=convert.timestamp(stored.proposed_us),
        decide_time=convert.optional_timestamp(stored.decided_us),
    )
    _write_disposition(message, override)
    return message


def _write_disposition(message: pb.Override, override: Override) -> None:
    terms, loan = override.disposition, f"loans/{override.loan_id}"
    match terms:
        case ReleaseTerms():
            share = None if terms.share_ppm is None else (Decimal(terms.share_ppm) / PPM).normalize()
            message.release_pledge.CopyFrom(
                loan_pb2.ReleasePledgeRequest(
                    name=f"{loan}/pledges/{terms.pledge_id}",
                    share=convert.optional_decimal(share),
                    quantity=convert.optional_decimal(terms.quantity),
                )
            )
        case PledgeTerms():
            message.update_pledge.CopyFrom(loan_pb2.UpdatePledgeRequest(pledge=plain_pledge(terms.pledge)))
        case PickupTerms():
            message.request_pickup.CopyFrom(
                pickup_pb2.RequestPickupRequest(
                    parent=loan,
                    asset=f"assets/{terms.asset_id}",
                    pickup_id=terms.pickup_id,
                    quantity=convert.decimal(terms.quantity),
                    expire_date=convert.calendar_date(terms.expire),
                    note=terms.note,
                )
            )
        case _:
            assert_never(terms)
