"""Stores what people state in the steps of breaches, one row for the event of a step. Rows are never changed."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from collateral_registry.domain.loans.breach_steps import StepDetails
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.json_documents import to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.schema.loans import BreachStepRow
from valuation._typing import Int


def insert_step(write: Write, event_seq: int, loan_key: int, details: StepDetails) -> None:
    """Stores what a step states, with the number of its event."""
    waived_until = day_of(details.waiver.expire) if details.waiver else NO_DAY
    values = {"event_seq": event_seq, "seq": write.seq, "loan_key": loan_key, "waived_until_day": waived_until}
    write.connection.execute(insert(BreachStepRow).values(**values, document=to_document(details)))


def last_waived_days(source: Source, loan_keys: Int) -> dict[int, int]:
    """Returns the last day of the newest waiver of each loan that has one with a last day."""
    rows = read_columns(source, _NEWEST_WAIVERS, {"keys": loan_keys})
    return dict(zip(rows["loan_key"].tolist(), rows["waived_until_day"].tolist(), strict=True))


_NEWEST = (
    select(func.max(BreachStepRow.event_seq))
    .where(is_one_of(BreachStepRow.loan_key, KEYS), BreachStepRow.waived_until_day > NO_DAY)
    .group_by(BreachStepRow.loan_key)
)
_NEWEST_WAIVERS = select(BreachStepRow.loan_key, BreachStepRow.waived_until_day).where(
    BreachStepRow.event_seq.in_(_NEWEST)
)
