"""Shows the borrowing base of a loan by a recorded judgement, computed from what the judgement was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from collateral_registry.commands.loans.draws import terms_of_draw
from collateral_registry.commands.pipeline.loan_position import positions_in
from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.borrowing_base.base import BorrowingBase, Owed, borrowing_base
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.agreements import Loan
from collateral_registry.domain.loans.draws import Headroom, headroom
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.store.assets.repository import document_as_of
from collateral_registry.store.borrowing_base.reserves import reserves_at
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import claims_of, judgement_at
from collateral_registry.store.loans.pledges import assets_of_pledges
from collateral_registry.store.loans.repository import get_loan, loan_at


@dataclass(frozen=True)
class RecordedBase:
    """The base of a loan, with the judgement by which it was recorded, the loan as of then, and the largest draw.

    ``permitted_over_advance_minor`` is the over-advance that may be drawn on the day of the judgement.
    """

    loan: Loan
    judgement: Mapping[str, Any]
    base: BorrowingBase
    headroom: Headroom
    permitted_over_advance_minor: int


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
    claims = claims_of(connection, key, row["seq"])
    assets = assets_of_pledges(connection, claims["pledge_key"])
    classes = [
        document_as_of(connection, assets[pledge], row["seq"]).asset_class for pledge in claims["pledge_key"].tolist()
    ]
    found = borrowing_base(
        loan.base_terms.amounts(classes, claims["lendable_minor"].tolist()),
        reserves_at(connection, key, row["seq"]),
        loan.base_terms.base_terms(loan.credit_limit),
        Owed(row["exposure_minor"], loan.balance.contingent_minor),
        day,
    )
    position = positions_in({name: np.array([value]) for name, value in row.items()})[key]
    largest, permitted = headroom(terms_of_draw(loan, position, day)), loan.base_terms.over_advance_minor(day)
    return RecordedBase(loan, row, found, largest, permitted)
