"""Tables of the commit log, of idempotent requests, of policies, of proposals and of saved views."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from collateral_registry.store.schema.columns import big, text


class CommitRow(SQLModel, table=True):
    """A committed change of the book; ``seq`` is the order of all commits."""

    __tablename__: ClassVar[str] = "commit_log"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    known_us: int = big(index=True)
    market_day: int = big(index=True)
    kind: str = text()
    actor: str = text()


class RequestRow(SQLModel, table=True):
    """The response to a request_id, which is returned again if the request is retried."""

    __tablename__: ClassVar[str] = "request"
    request_id: str = text(primary_key=True)
    body_hash: str = text()
    answer: bytes = Field(sa_type=LargeBinary)
    seq: int = big()


class DateModeRow(SQLModel, table=True):
    """Whether the business date follows the clock (1) or is advanced by hand (0), from a commit on."""

    __tablename__: ClassVar[str] = "business_date_mode"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    follows_clock: int = big()


class DateRepairRow(SQLModel, table=True):
    """A repair of the business date: the commit of the repair, and the last commit before the wrong date."""

    __tablename__: ClassVar[str] = "business_date_repair"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kept_seq: int = big()
    wrong_day: int = big()
    reason: str = text()


class PolicyRow(SQLModel, table=True):
    """A version of the policy; ``activated_seq`` is null until it is activated."""

    __tablename__: ClassVar[str] = "policy"
    policy_key: int | None = big(primary_key=True, default=None)
    policy_id: str = text(unique=True)
    effective_day: int = big()
    created_seq: int = big()
    activated_seq: int | None = big(default=None)
    document: str = text()


class ProposalRow(SQLModel, table=True):
    """A request that two persons decide; ``document`` and ``decision`` are JSON.

    Until it is decided, ``decision`` is empty and ``decided_seq`` 0.
    """

    __tablename__: ClassVar[str] = "proposal"
    proposal_key: int | None = big(primary_key=True, default=None)
    expire_day: int = big()
    document: str = text()
    proposed_seq: int = big()
    state: int = big()
    decision: str = text()
    decided_seq: int = big()


class SavedViewRow(SQLModel, table=True):
    """A name that a principal gives to an address of the pages; ``shared`` is 1 if all readers see it."""

    __tablename__: ClassVar[str] = "saved_view"
    # A number is never used twice, so that a page that shows a deleted view cannot delete another.
    __table_args__ = (UniqueConstraint("owner", "display_name"), {"sqlite_autoincrement": True})
    view_key: int | None = big(primary_key=True, default=None)
    owner: str = text()
    display_name: str = text()
    path: str = text()
    shared: int = big()
    created_us: int = big()
