"""The schema of what is claimed: identities of assets and pledges, holdings by place, and goods to be fetched.

Units as in ``tables``; quantities are whole millionths of the asset's unit.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.store.tables import big, text


class IdentityRow(SQLModel, table=True):
    """A number that an asset or a pledge goes by, within its scope; both halves of its letters are indexed.

    ``agreement`` is what a copy of the same thing would share beside the number; empty where too little is stated.
    ``pledge_key`` is 0 for the numbers of an asset itself.
    """

    __tablename__: ClassVar[str] = "identity"
    __table_args__ = (
        Index("identity_skeleton", "kind", "scope", "skeleton"),
        Index("identity_grouped", "kind", "scope", "grouped"),
        Index("identity_head", "kind", "scope", "agreement", "head"),
        Index("identity_tail", "kind", "scope", "agreement", "tail"),
    )
    identity_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big(index=True)
    pledge_key: int = big(index=True)
    kind: int = big()
    scope: str = text()
    written: str = text()
    skeleton: str = text()
    grouped: str = text()
    head: str = text()
    tail: str = text()
    agreement: str = text()


class HoldingRow(SQLModel, table=True):
    """How much of a good an inventory asset says is in a place.

    ``quantity`` is what counts now; ``stated`` what its registration or receipt says, less what left by authorisation.
    """

    __tablename__: ClassVar[str] = "holding"
    __table_args__ = (Index("holding_place", "place", "good"),)
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: str = text()
    good: str = text()
    unit: str = text()
    quantity: int = big()
    stated: int = big()
    receipted: int = big()


class PickupRow(SQLModel, table=True):
    """Goods that may be fetched from a pledged lot until a day."""

    __tablename__: ClassVar[str] = "pickup"
    __table_args__ = (UniqueConstraint("loan_key", "pickup_id"), Index("pickup_asset", "asset_key", "state"))
    pickup_key: int | None = big(primary_key=True, default=None)
    pickup_id: str = text()
    loan_key: int = big()
    asset_key: int = big()
    quantity: int = big()
    taken: int = big()
    unit: str = text()
    expire_day: int = big()
    state: int = big()
    note: str = text()
    created_seq: int = big()
    updated_seq: int = big()


class IssueMarkRow(SQLModel, table=True):
    """The newest movement by which goods left a pledged lot that was looked at."""

    __tablename__: ClassVar[str] = "issue_mark"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    movement_key: int = big()
