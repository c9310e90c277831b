"""Conversion between assignments, statements on invoices and messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collateral_registry.domain.assignments.best_assignment import state_of
from collateral_registry.domain.assignments.debtor_limits import DebtorLimit, DebtorLimitKind
from collateral_registry.domain.assignments.events import (
    ASSIGNMENTS_LIMIT,
    AssignmentEvent,
    AssignmentEventKind,
    ContractTerms,
    EarlierAssignment,
    Exclusion,
    InvoiceScope,
    RegistrySearch,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.store.assignments.repository import RecordedEvent, StoredAssignment
from collateral_registry.store.assignments.statements import Stored
from collateral_registry.v1 import assignment_pb2 as pb
from valuation.errors import InvalidInput


def read_event(message: pb.AssignmentEvent) -> AssignmentEvent:
    """Returns the event in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        AssignmentEvent,
        "event",
        message,
        kind=lambda: convert.member("kind", AssignmentEventKind, message.kind),
        day=lambda: convert.required_date("date", message, "date"),
        scopes=lambda: read_scopes("event.scopes", message.scopes),
        registered_us=lambda: convert.read_time("registration_time", message, "registration_time") or 0,
        expire=lambda: convert.read_date("registration_expire_date", message, "registration_expire_date"),
        amount=lambda: convert.read_optional_money("amount", message, "amount"),
    )


def read_scopes(field: str, messages: Iterable[pb.InvoiceScope]) -> list[InvoiceScope]:
    """Returns the scopes in a repeated field; raises InvalidInput with the name of the field."""
    return convert.read_each(field, messages, lambda one: InvoiceScope(one.debtor, tuple(one.invoice_numbers)))


def read_search(message: pb.RegistrySearch) -> RegistrySearch:
    """Returns the search in a message; raises InvalidInput with the name of the field."""
    field = "registry_search.assignments"
    check_count(field, message.assignments, ASSIGNMENTS_LIMIT, 0)
    return convert.read_record(
        RegistrySearch,
        "registry_search",
        message,
        day=lambda: convert.required_date("date", message, "date"),
        assignments=lambda: convert.read_each(field, message.assignments, _read_earlier),
    )


def _read_earlier(message: pb.EarlierAssignment) -> EarlierAssignment:
    return convert.read_record(
        EarlierAssignment,
        "",
        message,
        scopes=lambda: read_scopes("scopes", message.scopes),
        registered_us=lambda: convert.read_time("registration_time", message, "registration_time") or 0,
    )


def read_terms(request: pb.RecordContractTermsRequest) -> ContractTerms:
    """Returns the statement in a request; raises InvalidInput with the name of the field."""
    if not request.HasField("contract_terms"):
        raise InvalidInput("contract_terms", "nothing", "whether contracts bar the assignment")
    message = request.contract_terms
    scopes = read_scopes("contract_terms.scopes", message.scopes)
    return ContractTerms(message.assignment_barred, scopes, message.document)


def read_exclusion(message: pb.Exclusion) -> Exclusion:
    """Returns the exclusion in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        Exclusion,
        "exclusion",
        message,
        scopes=lambda: read_scopes("exclusion.scopes", message.scopes),
        expire=lambda: convert.read_date("expire_date", message, "expire_date"),
    )


def read_limit(message: pb.DebtorLimit) -> DebtorLimit:
    """Returns the limit of a debtor in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        DebtorLimit,
        "debtor_limit",
        message,
        kind=lambda: convert.member("kind", DebtorLimitKind, message.kind),
        amount=lambda: convert.read_money("amount", message.amount),
        expire=lambda: convert.read_date("expire_date", message, "expire_date"),
    )


def assignment_message(stored: StoredAssignment, day: int) -> pb.Assignment:
    """Returns an assignment as a message with its state on a day."""
    return pb.Assignment(
        name=stored.name,
        state=state_of([one.event for one in stored.events], day),
        events=[_event_message(one) for one in stored.events],
        create_time=convert.timestamp(stored.created_us),
    )


def _event_message(recorded: RecordedEvent) -> pb.AssignmentEvent:
    event = recorded.event
    return convert.message_of(
        pb.AssignmentEvent,
        event,
        date=convert.calendar_date(event.day),
        scopes=_scope_messages(event.scopes),
        registration_time=convert.optional_timestamp(event.registered_us),
        registration_expire_date=convert.calendar_date(event.expire),
        actor=recorded.actor,
        create_time=convert.timestamp(recorded.known_us),
    )


def _scope_messages(scopes: Sequence[InvoiceScope]) -> list[pb.InvoiceScope]:
    return [pb.InvoiceScope(debtor=one.debtor, invoice_numbers=one.invoice_numbers) for one in scopes]


def search_message(stored: Stored[RegistrySearch]) -> pb.RegistrySearch:
    """Returns a search as a message."""
    search = stored.statement
    found = [
        pb.EarlierAssignment(
            assignee=one.assignee,
            scopes=_scope_messages(one.scopes),
            registration_time=convert.optional_timestamp(one.registered_us),
        )
        for one in search.assignments
    ]
    return convert.message_of(
        pb.RegistrySearch,
        search,
        name=f"assets/{stored.asset_id}/registrySearches/{stored.key}",
        date=convert.calendar_date(search.day),
        assignments=found,
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
    )


def terms_message(stored: Stored[ContractTerms]) -> pb.ContractTerms:
    """Returns a statement on contracts as a message."""
    return convert.message_of(
        pb.ContractTerms,
        stored.statement,
        name=f"assets/{stored.asset_id}/contractTerms/{stored.key}",
        scopes=_scope_messages(stored.statement.scopes),
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
    )


def exclusion_message(stored: Stored[Exclusion]) -> pb.Exclusion:
    """Returns an exclusion as a message."""
    exclusion, ending = stored.statement, stored.ending
    return convert.message_of(
        pb.Exclusion,
        exclusion,
        name=f"assets/{stored.asset_id}/exclusions/{stored.key}",
        scopes=_scope_messages(exclusion.scopes),
        expire_date=convert.calendar_date(exclusion.expire),
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
        end_time=convert.optional_timestamp(ending.ended_us if ending else None),
        ended_by=ending.ended_by if ending else "",
        end_note=ending.end_note if ending else "",
    )


def limit_message(stored: Stored[DebtorLimit]) -> pb.DebtorLimit:
    """Returns a limit of a debtor as a message."""
    limit, ending = stored.statement, stored.ending
    return convert.message_of(
        pb.DebtorLimit,
        limit,
        name=f"assets/{stored.asset_id}/debtorLimits/{stored.key}",
        kind=int(limit.kind),
        amount=convert.money(limit.amount.minor, limit.amount.currency),
        expire_date=convert.calendar_date(limit.expire),
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
        end_time=convert.optional_timestamp(ending.ended_us if ending else None),
        ended_by=ending.ended_by if ending else "",
        end_note=ending.end_note if ending else "",
    )
