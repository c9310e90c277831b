"""Permissions, and the permissions of each role (docs/rights.md)."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a method needs. A method needs exactly one permission (rpc/access/method_permissions.py)."""

    READ_SERVICE = "read_service"
    """Read the contract, the versions, the business date and the revaluation runs."""

    READ_BOOK = "read_book"
    """Read assets, loans, values, reports and everything else that the book records."""

    READ_FEED = "read_feed"
    """Read the state of a feed and its rejected items; a partner those of its own feed."""

    QUOTE = "quote"
    """Compute values, haircuts and effects without recording them."""

    REGISTER = "register"
    """Register and correct assets, debtors, assignments, loans and pledges, and record balances."""

    DISPOSE = "dispose"
    """Release and change pledges, close loans, request pick-ups, and retire assets."""

    CERTIFY = "certify"
    """Open certificates of a borrowing base and submit statements."""

    APPRAISE = "appraise"
    """Record appraisals, inspections, verifications, closings of ledgers and events of rights."""

    PUSH_FEED = "push_feed"
    """Report the stock or the invoices of a feed; a partner those of its own feed."""

    RECORD_PRICES = "record_prices"
    """Record prices and exchange rates."""

    MONITOR = "monitor"
    """Decide on what monitoring reports: breaches, disposals, findings, rejected items, reserves, certificates."""

    DRAFT = "draft"
    """Create policies and fit models, which count once they are activated."""

    PROPOSE = "propose"
    """Propose what two persons decide."""

    APPROVE = "approve"
    """Approve or reject what another person has proposed."""

    DECIDE_ALONE = "decide_alone"
    """Do without a second person what two persons decide."""

    OPERATE = "operate"
    """Advance the business date and start revaluations."""

    AUDIT = "audit"
    """Read the audit log and its proofs."""

    ACT_ON_BEHALF = "act_on_behalf"
    """State another actor than the caller. No method needs it."""


class Role(StrEnum):
    """What a caller is to the lender."""

    ORIGINATOR = "originator"
    """Loan origination system: registers assets, loans and pledges, and acts on behalf of its users."""

    PARTNER = "partner"
    """Warehouse or borrower that pushes its own feed."""

    APPRAISER = "appraiser"
    RISK_OFFICER = "risk_officer"
    HEAD_OF_RISK = "head_of_risk"
    AUDITOR = "auditor"
    OPERATOR = "operator"

    LOCAL_OWNER = "local_owner"
    """Every caller of a service on the loopback interface of a machine that has no configured identities."""


_P = Permission
_READER = frozenset({_P.READ_SERVICE, _P.READ_BOOK, _P.READ_FEED})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ORIGINATOR: _READER | {_P.QUOTE, _P.REGISTER, _P.DISPOSE, _P.CERTIFY, _P.PROPOSE, _P.ACT_ON_BEHALF},
    Role.PARTNER: frozenset({_P.READ_FEED, _P.PUSH_FEED}),
    Role.APPRAISER: _READER | {_P.QUOTE, _P.APPRAISE},
    Role.RISK_OFFICER: _READER | {_P.QUOTE, _P.APPRAISE, _P.RECORD_PRICES, _P.MONITOR, _P.DRAFT, _P.PROPOSE},
    Role.HEAD_OF_RISK: _READER | {_P.QUOTE, _P.MONITOR, _P.DRAFT, _P.PROPOSE, _P.APPROVE},
    Role.AUDITOR: _READER | {_P.AUDIT},
    Role.OPERATOR: frozenset({_P.READ_SERVICE, _P.READ_FEED, _P.PUSH_FEED, _P.RECORD_PRICES, _P.OPERATE}),
    Role.LOCAL_OWNER: frozenset(Permission),
}
"""The permissions of each role; a caller may do what any of its roles may do."""


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """Returns the roles that have a permission and can be given to a caller, in the order of their definition."""
    return tuple(role for role in Role if role is not Role.LOCAL_OWNER and permission in PERMISSIONS[role])
