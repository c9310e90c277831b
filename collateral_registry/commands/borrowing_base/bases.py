"""Shows the borrowing base of a loan by a recorded judgement, computed from what the judgement was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from collateral_registry.commands.loans.draws import terms_of_draw
from collateral_registry.commands.pipeline.loan_position import positions_in
from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.borrowing_base.base import BorrowingBase, Owed, Reserve, borrowing_base
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.borrowing_base.dilution_reserves import dilution_reserve, reserved_of
from collateral_registry.domain.loans.agreements import Loan
from collateral_registry.domain.loans.draws import Headroom, headroom
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.store.assets.repository import document_as_of
from collateral_registry.store.borrowing_base.reserves import reserves_at
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import claims_of, judgement_at
from collateral_registry.store.loans.pledges import pledged_targets
from collateral_registry.store.loans.repository import get_loan, loan_at
from collateral_registry.store.valuations.repository import dilution_shares_at

CLAIM_COLUMNS = ("pledge_key", "market_minor", "lendable_minor")


@dataclass(frozen=True)
class RecordedClaim:
    """A claim of the loan by a recorded judgement, with the keys of its asset and target, and the asset as of then."""

    asset_key: int
    target_key: int
    asset: Asset
    market_minor: int
    lendable_minor: int


@dataclass(frozen=True)
class RecordedBase:
    """The base of a loan at a moment, with its judgement, the loan as of the judgement, and the largest draw.

    ``seq`` is the commit of the moment. Values and statements are read as of it: those of a revaluation run take effect
    when it is published, after the sequence of its judgements. ``permitted_over_advance_minor`` is the over-advance
    that may be drawn on the day of the judgement.
    """

    seq: int
    loan: Loan
    judgement: Mapping[str, Any]
    base: BorrowingBase
    headroom: Headroom
    permitted_over_advance_minor: int
    claims: tuple[RecordedClaim, ...]


def recorded_base(connection: Connection, loan_id: str, moment: Moment) -> RecordedBase:
    """Returns the base of a loan by the judgement that was current at a moment.

    Everything is read as of the commit of the judgement, so that later entries and policies change nothing. Raises
    NotFound for a loan that was not registered yet, and Refused for one that had no base.
    """
    key = get_loan(connection, loan_id).key
    columns = judgement_at(connection, key, moment.seq)
    if not len(columns["loan_key"]):
        raise NotFound(f"loans/{loan_id}")
    row = {name: column[0].item() for name, column in columns.items()}
    loan, day = loan_at(connection, key, row["seq"]), date_at(row["market_day"])
    if row["base_minor"] == NO_BASE or loan.base_terms is None:
        raise Refused("NO_BORROWING_BASE", f"loans/{loan_id} has no borrowing base: state its borrowing_base_terms")
    claims = _claims(connection, key, row["seq"])
    found = borrowing_base(
        loan.base_terms.amounts([one.asset.asset_class for one in claims], [one.lendable_minor for one in claims]),
        [*reserves_at(connection, key, row["seq"]), *_for_dilution(connection, claims, moment.seq, day)],
        loan.base_terms.base_terms(loan.credit_limit),
        Owed(row["exposure_minor"], loan.balance.contingent_minor),
        day,
    )
    position = positions_in({name: np.array([value]) for name, value in row.items()})[key]
    largest, permitted = headroom(terms_of_draw(loan, position, day)), loan.base_terms.over_advance_minor(day)
    return RecordedBase(moment.seq, loan, row, found, largest, permitted, claims)


def _for_dilution(connection: Connection, claims: Sequence[RecordedClaim], seq: int, day: date) -> Iterator[Reserve]:
    """Yields a reserve for the dilution of each pool that is claimed, by the shares of their values at a moment.

    The judgement of the moment is by these values, because a new value of a pool judges its loans. Values of a run are
    current from its publication, which is later than the sequence of its judgements.
    """
    targets = np.unique(np.array([one.target_key for one in claims], dtype=np.int64))
    shares = dilution_shares_at(connection, targets, seq)
    reserved: dict[str, int] = {}
    for one in claims:
        owner = f"assets/{one.asset.asset_id}"
        reserved[owner] = reserved.get(owner, 0) + reserved_of(one.lendable_minor, shares.get(one.target_key, 0))
    for owner, amount in reserved.items():
        if amount:
            yield dilution_reserve(owner, amount, day)


def _claims(connection: Connection, loan_key: int, seq: int) -> tuple[RecordedClaim, ...]:
    """Returns the claims of a judgement, in the order of the pledges."""
    columns = claims_of(connection, loan_key, seq)
    targets = pledged_targets(connection, columns["pledge_key"])
    rows = sorted(zip(*(columns[name].tolist() for name in CLAIM_COLUMNS), strict=True))
    return tuple(
        RecordedClaim(*targets[pledge], document_as_of(connection, targets[pledge][0], seq), *amounts)
        for pledge, *amounts in rows
    )
