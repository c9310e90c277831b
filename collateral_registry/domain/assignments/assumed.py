"""Records that a quote assumes of the assignment of a pool that is not registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from collateral_registry.domain.assignments.best_assignment import DAY_US, PoolRecords
from collateral_registry.domain.assignments.events import (
    AssignmentEvent,
    AssignmentEventKind,
    ContractTerms,
    RegistrySearch,
)
from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.shared.days import date_at
from valuation.errors import InvalidInput

_ASSUMED = "assumed"
"""Registry and number of a registration that is assumed."""

_EVENTS_AFTER: Mapping[AssignmentState, tuple[AssignmentEventKind, ...]] = {
    AssignmentState.REGISTERED: (),
    AssignmentState.NOTIFIED: (AssignmentEventKind.NOTICE_DELIVERED,),
    AssignmentState.ACKNOWLEDGED: (AssignmentEventKind.ACKNOWLEDGED,),
    AssignmentState.ACKNOWLEDGED_WITH_SET_OFF: (AssignmentEventKind.ACKNOWLEDGED,),
}
"""The events after the registration that lead to each state that may be assumed."""


@dataclass(frozen=True)
class AssumedAssignment:
    """What is assumed of all invoices of a pool, as if it were recorded on the day of the quote.

    ``search`` is the day of a search of the registry that found no other assignment, None for no search.
    """

    state: AssignmentState
    search: date | None = None
    contracts_permit: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidInput for a state that is none of an assignment in force."""
        if self.state not in _EVENTS_AFTER:
            want = ", ".join(one.name for one in _EVENTS_AFTER)
            raise InvalidInput("state", self.state.name, f"one of {want}")

    def records(self, day: int, debtor_of: Mapping[str, int]) -> PoolRecords:
        """Returns the records on a day. The registration is at its end, after those of all pools that are recorded."""
        registered_us = (day + 1) * DAY_US - 1
        first = AssignmentEvent(
            AssignmentEventKind.REGISTERED, date_at(day), (), _ASSUMED, _ASSUMED, registered_us=registered_us
        )
        reserved = self.state is AssignmentState.ACKNOWLEDGED_WITH_SET_OFF
        later = [AssignmentEvent(kind, date_at(day), set_off_reserved=reserved) for kind in _EVENTS_AFTER[self.state]]
        return PoolRecords(
            assignments=[[first, *later]],
            searches=[] if self.search is None else [RegistrySearch(self.search, _ASSUMED)],
            terms=[ContractTerms(assignment_barred=False)] if self.contracts_permit else [],
            debtor_of=debtor_of,
        )
