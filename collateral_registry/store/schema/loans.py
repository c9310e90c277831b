"""Tables of loans, pledges, judgements, events, breaches, pick-ups and disposals."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import IN_ORDER, big, incremental, text


class LoanRow(SQLModel, table=True):
    """Current revision of a loan; ``base_terms`` is JSON, empty without a borrowing base."""

    __tablename__: ClassVar[str] = "loan"
    __table_args__ = (Index("loan_of_borrower", "borrower", "loan_id"),)
    loan_key: int | None = big(primary_key=True, default=None)
    loan_id: str = text(unique=True)
    borrower: str = text()
    currency: str = text()
    exposure_minor: int = big()
    balance_day: int = big()
    credit_limit_minor: int = big()
    ltv_basis: int = big()
    watch_ppm: int = big()
    margin_call_ppm: int = big()
    stop_draw_ppm: int = big()
    liquidation_ppm: int = big()
    maturity_day: int = big()
    state: int = big()
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()
    contingent_minor: int = big(default=0)
    base_terms: str = text(default="")


class LoanRevisionRow(SQLModel, table=True):
    """Every revision of a loan, including its balances. The values that reports use have their own columns."""

    __tablename__: ClassVar[str] = "loan_revision"
    loan_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    borrower: str = text()
    currency: str = text()
    state: int = big()
    document: str = text()


class PledgeRow(SQLModel, table=True):
    """Current revision of a pledge."""

    __tablename__: ClassVar[str] = "pledge"
    __table_args__ = (UniqueConstraint("loan_key", "pledge_id"),)
    pledge_key: int | None = big(primary_key=True, default=None)
    pledge_id: str = text()
    loan_key: int = big(index=True)
    asset_key: int = big(index=True)
    target_key: int = big()
    rank: int = big()
    share_ppm: int = big()
    limit_minor: int = big()
    is_registered: int = big()
    registration_expire_day: int = big()
    state: int = big()
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()


class PledgeRevisionRow(SQLModel, table=True):
    """Every revision of a pledge."""

    __tablename__: ClassVar[str] = "pledge_revision"
    pledge_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big()
    document: str = text()


IS_NEWEST_OF_LOAN = (LoanRevisionRow.loan_key == LoanRow.loan_key) & (LoanRevisionRow.revision == LoanRow.revision)
"""The condition that a revision is the current one of its loan."""

IS_NEWEST_OF_PLEDGE = (PledgeRevisionRow.pledge_key == PledgeRow.pledge_key) & (
    PledgeRevisionRow.revision == PledgeRow.revision
)
"""The condition that a revision is the current one of its pledge."""


class LoanJudgementRow(SQLModel, table=True):
    """A judgement of a loan: its cover, its limits, and the state that the next judgement starts from.

    The columns ``withheld_*`` are the parts of the conservative values that draws and releases may not use.
    ``never_valued`` is 1 if an asset of the loan has no last good value. The columns of a used amount and a base are -1
    for a loan without a borrowing base.
    """

    __tablename__: ClassVar[str] = "loan_judgement"
    __table_args__ = (incremental("cover_of_loan", "loan_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    loan_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_day: int = big()
    exposure_minor: int = big()
    market_minor: int = big()
    lendable_minor: int = big()
    good_market_minor: int = big()
    good_lendable_minor: int = big()
    basis: int = big()
    watch_ppm: int = big()
    margin_call_ppm: int = big()
    stop_draw_ppm: int = big()
    liquidation_ppm: int = big()
    buffer_ppm: int = big()
    judged: int = big()
    level: int = big()
    coverage_unknown: int = big()
    cash_cure_minor: int = big()
    collateral_cure_minor: int = big()
    watch_day: int = big()
    unknown_day: int = big()
    breach_number: int = big()
    breach_open: int = big()
    deadline_day: int = big()
    deadline_missed: int = big()
    noticed: int = big()
    waived: int = big()
    unknown_assets: int = big()
    unknown: int = big()
    quality: int = big()
    oldest_day: int = big()
    withheld_market_minor: int = big(default=0)
    withheld_lendable_minor: int = big(default=0)
    never_valued: int = big(default=0)
    used_minor: int = big(default=-1)
    base_minor: int = big(default=-1)
    good_base_minor: int = big(default=-1)
    withheld_base_minor: int = big(default=-1)


class PledgeClaimRow(SQLModel, table=True):
    """The claim of a pledge, as computed by one judgement of its loan."""

    __tablename__: ClassVar[str] = "pledge_claim"
    __table_args__ = (incremental("cover_of_pledge", "pledge_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    pledge_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_minor: int = big()
    lendable_minor: int = big()


class EventColumns(SQLModel):
    """The columns of an event: its kind, its loan and breach, and the cover on which the loan was judged."""

    kind: int = big()
    loan_key: int = big()
    breach_number: int = big()
    level_before: int = big()
    level: int = big()
    coverage_unknown: int = big()
    exposure_minor: int = big()
    market_minor: int = big()
    lendable_minor: int = big()
    basis: int = big()
    cash_cure_minor: int = big()
    collateral_cure_minor: int = big()
    deadline_day: int = big()
    used_minor: int = big(default=-1)
    base_minor: int = big(default=-1)


class EventRow(EventColumns, table=True):
    """An event of a loan with the cover on which the loan was judged; ``event_seq`` has no gaps."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (Index("event_story", "loan_key", "breach_number", "event_seq"),)
    event_seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    event_us: int = big()
    market_day: int = big()
    actor: str = text()
    note: str = text()


class BreachRow(SQLModel, table=True):
    """A breach with its first event and, once it is cured, the commit that ended it."""

    __tablename__: ClassVar[str] = "breach"
    __table_args__ = (UniqueConstraint("loan_key", "breach_number"),)
    first_event: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    loan_key: int = big()
    breach_number: int = big()
    opened_seq: int = big()
    cured_seq: int = big(index=True)


class BreachStepRow(SQLModel, table=True):
    """What a person stated in a step of a breach beside actor and note, with the number of its event.

    ``waived_until_day`` is the last day of a waiver. ``document`` is JSON.
    """

    __tablename__: ClassVar[str] = "breach_step"
    __table_args__ = (Index("breach_step_of_loan", "loan_key", "event_seq"),)
    event_seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big()
    loan_key: int = big()
    waived_until_day: int = big()
    document: str = text()


class PickupRow(SQLModel, table=True):
    """An authorisation to remove goods from a pledged lot until a day."""

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


class OverrideRow(SQLModel, table=True):
    """An override: a proposal to make a disposition even if it uncovers the loan; ``document`` is JSON."""

    __tablename__: ClassVar[str] = "loan_override"
    __table_args__ = (UniqueConstraint("loan_key", "override_id"),)
    override_key: int | None = big(primary_key=True, default=None)
    override_id: str = text()
    loan_key: int = big()
    state: int = big()
    document: str = text()
    proposed_seq: int = big()
    decided_seq: int = big()


class DisposalRow(SQLModel, table=True):
    """A disposal as it was opened. ``document`` is JSON and holds the frozen values of its assets."""

    __tablename__: ClassVar[str] = "disposal"
    __table_args__ = (UniqueConstraint("loan_key", "disposal_id"),)
    disposal_key: int | None = big(primary_key=True, default=None)
    disposal_id: str = text()
    loan_key: int = big()
    default_day: int = big()
    cause: int = big()
    document: str = text()
    opened_seq: int = big(index=True)


class DisposalEntryRow(SQLModel, table=True):
    """A step of a disposal, with the state after it. ``document`` is JSON: what the step states."""

    __tablename__: ClassVar[str] = "disposal_entry"
    disposal_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big()
    step: int = big()
    state: int = big()
    actor: str = text()
    note: str = text()
    document: str = text()
