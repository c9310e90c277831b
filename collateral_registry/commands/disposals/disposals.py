"""Opens disposals and appends their steps. Nothing that secures or is owed under a loan changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from collateral_registry.commands.disposals.references import frozen_items
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports.breaches import get_breach
from collateral_registry.domain.disposals.disposals import (
    Claim,
    Disposal,
    DisposalCause,
    DisposalState,
    DisposalStep,
    Entry,
    EntryDetails,
    Expected,
    Proceeds,
    state_after,
)
from collateral_registry.domain.disposals.results import corrected_numbers, numbered_proceeds
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.assets.repository import StoredAsset, assets_of
from collateral_registry.store.book.policies import get_policy
from collateral_registry.store.disposals.repository import (
    StoredDisposal,
    append_entry,
    get_disposal,
    has_open_disposal,
    insert_disposal,
)
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.judgements import judgement_at
from collateral_registry.store.loans.pledges import active_pledges_of
from collateral_registry.store.loans.repository import StoredLoan, get_loan
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class NewDisposal:
    """A disposal as a request states it; no assets mean all that are pledged, and breach 0 means none."""

    loan_id: str
    disposal_id: str
    breach_number: int
    default: date
    cause: DisposalCause
    discount_rate: Decimal
    asset_ids: Sequence[str]
    expected: Expected | None


def open_disposal(write: Write, new: NewDisposal, note: str) -> StoredDisposal:
    """Opens a disposal and freezes what was owed and estimated at the default.

    Raises NotFound, AlreadyExists, InvalidInput, and Refused if another disposal of the loan is open or the breach was
    not escalated.
    """
    loan, today = get_loan(write.connection, new.loan_id), date_at(write.market_day)
    if new.default > today:
        raise InvalidInput("disposal.default_date", new.default, f"{today}, the business date, or before")
    _check_expected("disposal.expected", new.expected, today)
    if has_open_disposal(write.connection, loan.key):
        raise Refused(
            "DISPOSAL_OPEN", f"loans/{new.loan_id} has a disposal that is not closed: record its proceeds there"
        )
    _check_breach(write.connection, new)
    moment = moment_of(write.connection, day=new.default)
    exposure = judgement_at(write.connection, loan.key, moment.seq)["exposure_minor"]
    if not len(exposure) or not exposure[0] or not moment.policy_id:
        raise InvalidInput("disposal.default_date", new.default, f"a day on which loans/{new.loan_id} owed something")
    policy = get_policy(write.connection, moment.policy_id).policy
    assets = _assets(write.connection, loan, new.asset_ids)
    disposal = Disposal(
        disposal_id=new.disposal_id,
        loan_id=new.loan_id,
        breach_number=new.breach_number,
        default=new.default,
        cause=new.cause,
        exposure_minor=int(exposure[0]),
        discount_rate=new.discount_rate,
        items=tuple(frozen_items(write.connection, assets, loan.loan.currency, new.default, policy)),
    )
    key = insert_disposal(write, disposal, loan.key)
    details = EntryDetails(new.default, expected=new.expected)
    opening = Entry(1, DisposalStep.OPEN, DisposalState.OPENED, write.actor, checked_text("note", note), details)
    append_entry(write, key, opening)
    return get_disposal(write.connection, new.loan_id, new.disposal_id)


def record_claim(write: Write, loan_id: str, disposal_id: str, note: str, claim: Claim, day: date) -> StoredDisposal:
    """Records a claim; raises NotFound, InvalidInput for its day, and Refused if the disposal is closed."""
    stored = get_disposal(write.connection, loan_id, disposal_id)
    _check_day("date", day, stored, write)
    return _append(write, stored, DisposalStep.CLAIM, note, EntryDetails(day, claim=claim))


def record_proceeds(
    write: Write, loan_id: str, disposal_id: str, note: str, proceeds: Proceeds, expected: Expected | None
) -> StoredDisposal:
    """Records proceeds; raises NotFound, InvalidInput, and Refused if the disposal is closed."""
    stored = get_disposal(write.connection, loan_id, disposal_id)
    state_after(stored.disposal.name, stored.state, DisposalStep.PROCEEDS)
    _check_day("proceeds.date", proceeds.day, stored, write)
    _check_expected("expected", expected, date_at(write.market_day))
    if proceeds.asset_id:
        stored.disposal.item_of(proceeds.asset_id)
    if proceeds.corrects:
        checked_text("note", note)
        open_numbers = set(numbered_proceeds(stored.entries)) - corrected_numbers(stored.entries)
        if proceeds.corrects not in open_numbers:
            wanted = f"0 or the number of proceeds that are not corrected: {', '.join(map(str, sorted(open_numbers)))}"
            raise InvalidInput("proceeds.corrects", proceeds.corrects, wanted)
    return _append(write, stored, DisposalStep.PROCEEDS, note, EntryDetails(proceeds.day, proceeds, expected=expected))


def close_disposal(write: Write, loan_id: str, disposal_id: str, note: str) -> StoredDisposal:
    """Closes a disposal, of which nothing more is expected; the reason is required."""
    stored = get_disposal(write.connection, loan_id, disposal_id)
    details = EntryDetails(date_at(write.market_day))
    return _append(write, stored, DisposalStep.CLOSE, checked_text("note", note), details)


def pledged_assets(connection: Connection, loan_key: int) -> frozenset[str]:
    """Returns the ids of the assets with an active pledge of a loan."""
    return frozenset(row.pledge.asset_id for row in active_pledges_of(connection, loan_key))


def _append(
    write: Write, stored: StoredDisposal, step: DisposalStep, note: str, details: EntryDetails
) -> StoredDisposal:
    state = state_after(stored.disposal.name, stored.state, step)
    checked_text("note", note, required=False)
    append_entry(write, stored.key, Entry(len(stored.steps) + 1, step, state, write.actor, note, details))
    return get_disposal(write.connection, stored.disposal.loan_id, stored.disposal.disposal_id)


def _check_breach(connection: Connection, new: NewDisposal) -> None:
    if not new.breach_number:
        return
    seq, _ = newest_commit(connection)
    if not get_breach(connection, seq, new.loan_id, new.breach_number).in_disposal:
        name = f"loans/{new.loan_id}/breaches/{new.breach_number}"
        raise Refused(
            "BREACH_STEP", f"{name} was not escalated: call EscalateBreach first, or leave out disposal.breach"
        )


def _assets(connection: Connection, loan: StoredLoan, asset_ids: Sequence[str]) -> list[StoredAsset]:
    """Returns the assets to sell: those that are named, or all that are pledged to the loan."""
    pledged = pledged_assets(connection, loan.key)
    for at, asset_id in enumerate(asset_ids):
        if asset_id not in pledged:
            wanted = f"an asset with an active pledge of loans/{loan.loan.loan_id}"
            raise InvalidInput(f"disposal.assets[{at}]", f"assets/{asset_id}", wanted)
    return assets_of(connection, sorted(set(asset_ids) or pledged))


def _check_day(field: str, day: date, stored: StoredDisposal, write: Write) -> None:
    today = date_at(write.market_day)
    if not stored.disposal.default <= day <= today:
        raise InvalidInput(field, day, f"{stored.disposal.default}, the day of the default, to {today}")


def _check_expected(field: str, expected: Expected | None, today: date) -> None:
    if expected is not None and expected.day < today:
        raise InvalidInput(f"{field}.date", expected.day, f"{today}, the business date, or later")
