"""Events of an assignment and statements on invoices, as frozen types that validate themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from collateral_registry.domain.shared.identifiers import check_identifier
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all

SCOPES_LIMIT = 1_000
NUMBERS_LIMIT = 5_000
ASSIGNMENTS_LIMIT = 1_000


class AssignmentEventKind(IntEnum):
    """Kind of an event of an assignment; the numeric values are stored and sent."""

    REGISTERED = 1
    NOTICE_SENT = 2
    NOTICE_DELIVERED = 3
    ACKNOWLEDGED = 4
    REFUSED = 5
    ACCOUNT_CHANGED = 6
    RELEASED = 7
    EXPIRED = 8


@dataclass(frozen=True)
class InvoiceScope:
    """Invoices of a debtor: those with the numbers, or all of them. The debtor is stated as in a ledger."""

    debtor: str
    invoice_numbers: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raises InvalidInput for a missing debtor or a malformed number."""
        check_all(
            lambda: checked_text("debtor", self.debtor),
            *(self._check_number(at, number) for at, number in enumerate(self.invoice_numbers)),
        )

    @staticmethod
    def _check_number(at: int, number: str) -> Callable[[], object]:
        field = f"invoice_numbers[{at}]"
        return lambda: check_identifier(field, checked_text(field, number))


def check_scopes(scopes: Sequence[InvoiceScope]) -> None:
    """Raises InvalidInput for more scopes or invoice numbers than a statement may have."""
    if len(scopes) > SCOPES_LIMIT:
        raise InvalidInput("scopes", f"{len(scopes)} items", f"at most {SCOPES_LIMIT}")
    numbers = sum(len(scope.invoice_numbers) for scope in scopes)
    if numbers > NUMBERS_LIMIT:
        raise InvalidInput("scopes", f"{numbers} invoice numbers", f"at most {NUMBERS_LIMIT}")


_REGISTRATION = ("registry", "registration_number", "registered_us", "expire")
_FIELDS_OF = {
    AssignmentEventKind.REGISTERED: (*_REGISTRATION, "account"),
    AssignmentEventKind.NOTICE_SENT: ("account",),
    AssignmentEventKind.NOTICE_DELIVERED: ("account",),
    AssignmentEventKind.ACKNOWLEDGED: ("amount", "set_off_reserved", "account"),
    AssignmentEventKind.REFUSED: ("reason",),
    AssignmentEventKind.ACCOUNT_CHANGED: ("account",),
}
"""The optional fields that an event of each kind may have."""

_OF_SOME_KINDS = sorted({name for names in _FIELDS_OF.values() for name in names})

_NEEDED_BY = {
    AssignmentEventKind.REGISTERED: ("registry", "registration_number"),
    AssignmentEventKind.REFUSED: ("reason",),
    AssignmentEventKind.ACCOUNT_CHANGED: ("account",),
}
_WIRE = {"registered_us": "registration_time", "expire": "registration_expire_date"}


@dataclass(frozen=True)
class AssignmentEvent:
    """An event of an assignment on a day.

    ``scopes`` are the invoices that it concerns; without any it concerns all of the assignment. The first event of an
    assignment is its registration, whose scopes are those of the assignment; without any it covers the whole pool.
    ``account`` is the account to which debtors pay: by instruction, or by their acknowledgement. ``amount`` is the
    acknowledged amount; without one all invoices of the scopes are acknowledged.
    """

    kind: AssignmentEventKind
    day: date
    scopes: Sequence[InvoiceScope] = ()
    registry: str = ""
    registration_number: str = ""
    registered_us: int = 0
    expire: date | None = None
    amount: Money | None = None
    set_off_reserved: bool = False
    account: str = ""
    reason: str = ""
    document: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for fields that are malformed, missing, or do not belong to the kind of event."""
        texts = ("registry", "registration_number", "account", "reason", "document")
        check_all(
            lambda: check_scopes(self.scopes),
            *(self._check_text(name) for name in texts),
            *(self._check_kind_of(name) for name in _OF_SOME_KINDS),
            lambda: check_identifier("registration_number", self.registration_number),
            self._check_expiry,
        )

    def _check_text(self, name: str) -> Callable[[], object]:
        required = name in _NEEDED_BY.get(self.kind, ())
        return lambda: checked_text(name, getattr(self, name), required=required)

    def _check_kind_of(self, name: str) -> Callable[[], object]:
        def check() -> None:
            if getattr(self, name) and name not in _FIELDS_OF.get(self.kind, ()):
                raise InvalidInput(_WIRE.get(name, name), getattr(self, name), f"nothing in an event {self.kind.name}")

        return check

    def _check_expiry(self) -> None:
        if self.expire is not None and self.expire < self.day:
            raise InvalidInput("registration_expire_date", self.expire, f"not before the date {self.day}")


@dataclass(frozen=True)
class EarlierAssignment:
    """An assignment of invoices to another lender that a search of the registry found.

    ``registered_us`` is the time of its registration, 0 if it is not known: it then counts as earlier.
    """

    assignee: str
    scopes: Sequence[InvoiceScope] = ()
    registered_us: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInput without the name of the other lender."""
        check_all(lambda: checked_text("assignee", self.assignee), lambda: check_scopes(self.scopes))


@dataclass(frozen=True)
class RegistrySearch:
    """A search of a registry on a day, with the assignments of the pool's invoices to others that it found."""

    day: date
    registry: str
    assignments: Sequence[EarlierAssignment] = ()
    document: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for a malformed text or too many assignments."""
        check_all(
            lambda: checked_text("registry", self.registry),
            lambda: checked_text("document", self.document, required=False),
            self._check_count,
        )

    def _check_count(self) -> None:
        if len(self.assignments) > ASSIGNMENTS_LIMIT:
            raise InvalidInput("assignments", f"{len(self.assignments)} items", f"at most {ASSIGNMENTS_LIMIT}")


@dataclass(frozen=True)
class ContractTerms:
    """Whether the contract bars the assignment of invoices; without scopes, of all invoices of the pool."""

    assignment_barred: bool
    scopes: Sequence[InvoiceScope] = ()
    document: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for a malformed text or too many scopes."""
        check_all(lambda: check_scopes(self.scopes), lambda: checked_text("document", self.document, required=False))


@dataclass(frozen=True)
class Exclusion:
    """Invoices that a person excludes, with the reason and the last day of the exclusion; None if it has none."""

    scopes: Sequence[InvoiceScope]
    reason: str
    expire: date | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput without a reason, and for too many scopes."""
        check_all(lambda: check_scopes(self.scopes), lambda: checked_text("reason", self.reason))
