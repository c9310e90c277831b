"""Settles a rejected feed movement: books it, books a replacement, or dismisses it."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.stock.stock_intake import CALL, Batch, DurableBatch, locked_group, source_shard
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.stock.movements import Movements, RejectionReason, RejectionState
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.stock.rejections import StoredRejection, get_rejection, settle_rejection


@dataclass(frozen=True)
class Resolution:
    """Who resolves a rejection and why; ``validate_only`` states that nothing is to be written."""

    actor: str
    note: str
    validate_only: bool = False


def book_rejection(
    database: Database, source_id: str, key: int, replacement: Movements | None, resolution: Resolution
) -> StoredRejection:
    """Books the rejected movement, or its replacement, and settles the rejection in the same transaction.

    Raises NotFound. Raises Refused if the rejection was settled in another way or if the movement is rejected again.
    """
    found = _get_unsettled(database, source_id, key, RejectionState.BOOKED)
    if found.state != RejectionState.OPEN:
        return found
    batch = Batch(source_id, CALL, CALL, "", replacement or found.movement)
    with locked_group(database, [batch]) as group:
        # Booking closes the open rejections of its movements, so this one is settled before, with its own note.
        _settle(group.intake, found, RejectionState.BOOKED, resolution)
        (outcome,) = group.book()
        _check_booked(outcome)
        return _settled(group.intake, found, resolution)


def dismiss_rejection(database: Database, source_id: str, key: int, resolution: Resolution) -> StoredRejection:
    """Settles a rejection without booking its movement; raises NotFound, and Refused if it was booked."""
    found = _get_unsettled(database, source_id, key, RejectionState.DISMISSED)
    if found.state != RejectionState.OPEN:
        return found
    with database.intake([source_shard(source_id)]) as intake:
        _settle(intake, found, RejectionState.DISMISSED, resolution)
        return _settled(intake, found, resolution)


def _get_unsettled(database: Database, source_id: str, key: int, wanted: RejectionState) -> StoredRejection:
    """Returns a rejection that is open, or is already in the wanted state because the call is repeated."""
    with database.read() as connection:
        found = get_rejection(connection, source_id, key)
    if found.state not in {RejectionState.OPEN, wanted}:
        raise _already_settled(found)
    return found


def _settle(intake: Intake, found: StoredRejection, state: RejectionState, resolution: Resolution) -> None:
    if not settle_rejection(intake, found.key, state, resolution.actor, resolution.note):
        raise _already_settled(found)


def _settled(intake: Intake, found: StoredRejection, resolution: Resolution) -> StoredRejection:
    """Commits unless nothing is to be written, and returns the settled rejection."""
    settled = get_rejection(intake.connection, found.source_id, found.key)
    if not resolution.validate_only:
        intake.commit()
    return settled


def _check_booked(outcome: object) -> None:
    if not isinstance(outcome, DurableBatch):
        message = f"outcome: got {outcome!r}, want a durable batch: a call has no sequence and no request id"
        raise TypeError(message)
    for row in outcome.rejected:
        raise Refused("MOVEMENT_REJECTED", f"{RejectionReason(row.reason).name}: {row.description}")


def _already_settled(found: StoredRejection) -> Refused:
    name = f"stockFeeds/{found.source_id}/rejectedMovements/{found.key}"
    return Refused(
        "REJECTION_SETTLED",
        f"{name} is settled already: choose an open one from ListRejectedMovements",
        rejected_movement=name,
    )
