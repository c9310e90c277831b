"""The configured identities: which credentials belong to which caller."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from collateral_registry.domain.access.callers import Caller
from collateral_registry.domain.shared.errors import Unauthenticated
from collateral_registry.rpc.access.json_web_tokens import Issuer, is_json_web_token, verified


@dataclass(frozen=True)
class PartnerToken:
    """A token of a partner, known by its SHA-256 only, and when it expires; None if it does not."""

    caller: Caller
    expires: datetime | None = None

    @property
    def until(self) -> float:
        """The time in seconds of the epoch until which the token is valid."""
        return self.expires.timestamp() if self.expires else inf


@dataclass(frozen=True)
class Identities:
    """Callers by the SPIFFE ids of their certificates, tokens of partners by SHA-256, and issuers of tokens."""

    certificates: Mapping[str, Caller] = field(default_factory=dict)
    tokens: Mapping[str, PartnerToken] = field(default_factory=dict)
    issuers: tuple[Issuer, ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether no identity is configured."""
        return not (self.certificates or self.tokens or self.issuers)

    def of_certificate(self, spiffe_id: str) -> Caller:
        """Returns the caller of a verified client certificate; raises Unauthenticated."""
        caller = self.certificates.get(spiffe_id)
        if caller is None:
            raise Unauthenticated(
                f"client certificate: got {spiffe_id or 'no SPIFFE id'}, want one that the access file lists"
            )
        return caller

    def of_token(self, token: str, now: float) -> tuple[Caller, float]:
        """Returns the caller of a token and the time until which it is valid; raises Unauthenticated."""
        # A dictionary of digests reveals nothing by its duration: the digest of a guess cannot be chosen.
        known = self.tokens.get(hashlib.sha256(token.encode()).hexdigest())
        if known is not None:
            if known.until <= now:
                raise Unauthenticated("authorization: got a token of a partner that has expired, want a new one")
            return known.caller, known.until
        if self.issuers and is_json_web_token(token):
            return verified(token, self.issuers)
        raise Unauthenticated("authorization: got no token of a partner, want 'Bearer TOKEN' with a valid token")
