"""Settle an item of a feed that was not booked: book it after all, or say that it need not be."""

from __future__ import annotations

from collateral_registry.commands.stock.stock_intake import CALL, Batch, DurableBatch, locked_group, source_shard
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.stock.movements import Movements, RejectionReason, RejectionState
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.stock.rejections import StoredRejection, get_rejection, settle_rejection


def book_rejection(
    database: Database, source_id: str, key: int, instead: Movements | None, actor: str, note: str
) -> StoredRejection:
    """Books the item, or what is said instead of it, and settles it in the same transaction.

    Raises NotFound, and Refused when the item is settled otherwise or the movement cannot be booked now either.
    """
    found = _open(database, source_id, key, RejectionState.BOOKED)
    if found.state != RejectionState.OPEN:
        return found
    batch = Batch(source_id, CALL, CALL, "", instead or found.movement)
    with locked_group(database, [batch]) as group:
        (outcome,) = group.book()
        _check_booked(outcome)
        return _settled(group.intake, found, RejectionState.BOOKED, actor, note)


def dismiss_rejection(database: Database, source_id: str, key: int, actor: str, note: str) -> StoredRejection:
    """Settles the item without booking it; raises NotFound, and Refused when it was booked."""
    found = _open(database, source_id, key, RejectionState.DISMISSED)
    if found.state != RejectionState.OPEN:
        return found
    with database.intake([source_shard(source_id)]) as intake:
        return _settled(intake, found, RejectionState.DISMISSED, actor, note)


def _open(database: Database, source_id: str, key: int, wanted: RejectionState) -> StoredRejection:
    """The item while it is open or settled as wanted already, for a repeat is no other act."""
    with database.read() as connection:
        found = get_rejection(connection, source_id, key)
    if found.state not in {RejectionState.OPEN, wanted}:
        raise _settled_before(found)
    return found


def _settled(intake: Intake, found: StoredRejection, state: RejectionState, actor: str, note: str) -> StoredRejection:
    if not settle_rejection(intake, found.key, state, actor, note):
        raise _settled_before(found)
    settled = get_rejection(intake.connection, found.source_id, found.key)
    intake.commit()
    return settled


def _check_booked(outcome: object) -> None:
    assert isinstance(outcome, DurableBatch)  # noqa: S101 - a call without a request id is neither repeated nor out of turn
    for row in outcome.rejected:
        raise Refused("MOVEMENT_REJECTED", f"{RejectionReason(row.reason).name}: {row.description}")


def _settled_before(found: StoredRejection) -> Refused:
    name = f"stockFeeds/{found.source_id}/rejectedMovements/{found.key}"
    return Refused("REJECTION_SETTLED", f"{name} was settled before", rejected_movement=name)
