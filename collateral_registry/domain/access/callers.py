"""Callers of the service and authors of changes."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.domain.access.roles import PERMISSIONS, Permission, Role
from collateral_registry.domain.feeds.partners import FEED_ACTOR, Partner
from collateral_registry.domain.shared.errors import NotPermitted

OWN_LENDER = "own"
"""Id of the book of a service that serves one lender."""


def label_of(lender: str) -> str:
    """Returns the label of a lender in metrics and logs: its id, or nothing where the service serves one lender."""
    return "" if lender == OWN_LENDER else lender


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change: the principal whose identity was verified, and the person for whom the principal acts."""

    principal: str
    actor: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller: its principal, the lender whose book it uses, its roles, and its feed if it is a partner."""

    principal: str
    lender: str
    roles: frozenset[Role]
    partner: Partner | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the caller may do by any of its roles."""
        return frozenset().union(*(PERMISSIONS[role] for role in self.roles))

    def may(self, permission: Permission) -> bool:
        """Returns whether one of the caller's roles has a permission."""
        return any(permission in PERMISSIONS[role] for role in self.roles)

    def acting_as(self, actor: str) -> Author:
        """Returns the author of a change for which the request states ``actor``; an empty text stands for the caller.

        A partner may also act as its own feed. Raises NotPermitted if it states another than the caller, who may not
        act on behalf of others.
        """
        own = {"", self.principal} | ({f"{FEED_ACTOR}{self.partner.source_id}"} if self.partner else set())
        if actor not in own and not self.may(Permission.ACT_ON_BEHALF):
            raise NotPermitted(
                f"actor: got {actor}, want {self.principal} or nothing, because this caller may not act on behalf of "
                "others",
                actor=actor,
            )
        return Author(self.principal, actor or self.principal)


SERVICE = Author("collateral", "collateral")
"""Author of the changes that the service makes by itself."""

LOCAL_OWNER = Caller("local-owner", OWN_LENDER, frozenset({Role.LOCAL_OWNER}))
"""Caller from this machine at a service without configured identities."""
