"""Permissions, and the permissions of each role (docs/security.md)."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a method needs. A method needs exactly one permission (rpc/access/method_permissions.py)."""

    READ_BOOK = "read_book"
    """Read assets, loans, values, reports and everything else that the book records."""

    QUOTE = "quote"
    """Compute values and haircuts without recording them."""

    REGISTER = "register"
    """Register and correct assets, debtors, loans and pledges, and record balances."""

    DISPOSE = "dispose"
    """Release and change pledges, request pick-ups, retire assets, draw, and end reserves."""

    CERTIFY = "certify"
    """Draw up and submit certificates of a borrowing base."""

    APPRAISE = "appraise"
    """Record appraisals, inspections, verifications and events of rights."""

    PUSH_STOCK = "push_stock"
    """Report the stock of the caller's own feed."""

    PUSH_INVOICES = "push_invoices"
    """Report the invoices of the caller's own feed."""

    RECORD_PRICES = "record_prices"
    """Record prices and exchange rates."""

    MONITOR = "monitor"
    """Acknowledge breaches, grant grace, resolve findings and rejected items, and approve certificates."""

    PROPOSE = "propose"
    """Propose what two persons decide: overrides, waivers, activations and confirmations of double pledges."""

    APPROVE = "approve"
    """Approve or reject what another person has proposed."""

    DECIDE_ALONE = "decide_alone"
    """Do without a second person what two persons decide."""

    DRAFT_MODELS = "draft_models"
    """Create policies and fit models, which count only once they are activated."""

    OPERATE = "operate"
    """Advance the business date and start revaluations."""

    ACT_ON_BEHALF = "act_on_behalf"
    """State another actor than the caller."""

    AUDIT = "audit"
    """Read the audit log and its proofs."""


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

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ORIGINATOR: frozenset({_P.READ_BOOK, _P.QUOTE, _P.REGISTER, _P.DISPOSE, _P.CERTIFY, _P.ACT_ON_BEHALF}),
    Role.PARTNER: frozenset({_P.PUSH_STOCK, _P.PUSH_INVOICES}),
    Role.APPRAISER: frozenset({_P.READ_BOOK, _P.QUOTE, _P.APPRAISE}),
    Role.RISK_OFFICER: frozenset(
        {_P.READ_BOOK, _P.QUOTE, _P.MONITOR, _P.PROPOSE, _P.DRAFT_MODELS, _P.RECORD_PRICES, _P.APPRAISE}
    ),
    Role.HEAD_OF_RISK: frozenset({_P.READ_BOOK, _P.QUOTE, _P.MONITOR, _P.PROPOSE, _P.APPROVE, _P.DRAFT_MODELS}),
    Role.AUDITOR: frozenset({_P.READ_BOOK, _P.AUDIT}),
    Role.OPERATOR: frozenset({_P.OPERATE, _P.RECORD_PRICES}),
    Role.LOCAL_OWNER: frozenset(Permission),
}
"""The permissions of each role; a caller may do what any of its roles may do."""
