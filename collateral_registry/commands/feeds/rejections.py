"""Settles a rejected item of a feed: books it, books a replacement, or dismisses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collateral_registry.commands.feeds.intake import CALL, Batch, DurableBatch, Group, locked_group, source_shard
from collateral_registry.domain.feeds.items import Items, ItemsT, RejectionState
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.feeds.rejections import RejectionStore, StoredRejection
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Resolution:
    """Who resolves a rejection and why; ``validate_only`` states that nothing is to be written."""

    actor: str
    note: str
    validate_only: bool = False


@dataclass(frozen=True)
class RejectionWords:
    """The names of a kind of rejected items in errors.

    These are the reason, the list method, the name of the fact, and the field of the request with the replacement.
    """

    reason: str
    list_method: str
    fact: str
    field: str


def book_rejection(
    database: Database,
    kind: type[Group[ItemsT]],
    words: RejectionWords,
    source_id: str,
    key: int,
    replacement: ItemsT | None,
    resolution: Resolution,
) -> StoredRejection[ItemsT]:
    """Books the rejected item, or its replacement, and settles the rejection in the same transaction.

    Raises NotFound. Raises InvalidInput for a replacement with another id. Raises Refused if the rejection was settled
    in another way, or if the item is rejected again or booked already.
    """
    settling = _Settling(kind.rejections, words, resolution)
    found = settling.unsettled(database, source_id, key, RejectionState.BOOKED)
    if found.state != RejectionState.OPEN:
        return found
    if replacement is not None:
        settling.check_id(found, replacement)
    batch = Batch(source_id, CALL, CALL, "", replacement or found.item)
    with locked_group(database, kind, [batch]) as group:
        # Booking closes the open rejections of its items, so this one is settled before, with its own note.
        settling.settle(group.intake, found, RejectionState.BOOKED)
        (outcome,) = group.book()
        settling.check_booked(outcome)
        return settling.settled(group.intake, found)


def dismiss_rejection(
    database: Database,
    kind: type[Group[ItemsT]],
    words: RejectionWords,
    source_id: str,
    key: int,
    resolution: Resolution,
) -> StoredRejection[ItemsT]:
    """Settles a rejection without booking its item; raises NotFound, and Refused if it was booked."""
    settling = _Settling(kind.rejections, words, resolution)
    found = settling.unsettled(database, source_id, key, RejectionState.DISMISSED)
    if found.state != RejectionState.OPEN:
        return found
    with database.intake([source_shard(source_id)]) as intake:
        settling.settle(intake, found, RejectionState.DISMISSED)
        return settling.settled(intake, found)


@dataclass(frozen=True)
class _Settling:
    """The settlement of one rejection."""

    store: RejectionStore[Any]
    words: RejectionWords
    resolution: Resolution

    def unsettled(self, database: Database, source_id: str, key: int, wanted: RejectionState) -> StoredRejection[Any]:
        """Returns a rejection that is open, or is already in the wanted state because the call is repeated."""
        with database.read() as connection:
            found = self.store.get(connection, source_id, key)
        if found.state not in {RejectionState.OPEN, wanted}:
            raise self._already_settled(found)
        return found

    def settle(self, intake: Intake, found: StoredRejection[Any], state: RejectionState) -> None:
        """Settles a rejection; raises Refused if it was settled meanwhile."""
        if not self.store.settle(intake, found.key, state, self.resolution.actor, self.resolution.note):
            raise self._already_settled(found)

    def settled(self, intake: Intake, found: StoredRejection[Any]) -> StoredRejection[Any]:
        """Commits unless nothing is to be written, and returns the settled rejection."""
        settled = self.store.get(intake.connection, found.source_id, found.key)
        if not self.resolution.validate_only:
            intake.commit()
        return settled

    def check_booked(self, outcome: object) -> None:
        """Raises Refused if the item was rejected again, or is known because it was booked before."""
        if not isinstance(outcome, DurableBatch):
            message = f"outcome: got {outcome!r}, want a durable batch: a call has no sequence and no request id"
            raise TypeError(message)
        for row in outcome.rejected:
            raise Refused(self.words.reason, f"{self.store.reasons(row.reason).name}: {row.description}")
        if not outcome.booked:
            text = f"{self._id_field}: got an id that is booked already with this content, want one that is not booked"
            raise Refused(self.words.reason, f"{text}; or dismiss the rejection")

    def check_id(self, found: StoredRejection[Any], replacement: Items) -> None:
        """Raises InvalidInput if a replacement has another id, although the rejected id may still be booked.

        The feed may report the rejected item again, which would then be booked besides its replacement. An id that is
        empty, or that the rejection is about, is never booked with the rejected content.
        """
        (rejected,), (stated,) = found.item.ids, replacement.ids
        is_bookable = rejected and not found.description.startswith(f"{self.store.tables.item_id}: ")
        if is_bookable and stated != rejected:
            raise InvalidInput(self._id_field, repr(stated), f"{rejected!r}, the id of the rejected item")

    @property
    def _id_field(self) -> str:
        return f"{self.words.field}.{self.store.tables.item_id}"

    def _already_settled(self, found: StoredRejection[Any]) -> Refused:
        name = self.store.name_of(found.source_id, found.key)
        return Refused(
            "REJECTION_SETTLED",
            f"{name} is settled already: choose an open one from {self.words.list_method}",
            **{self.words.fact: name},
        )
