"""Verifies JSON web tokens by the public keys of their issuers, which are files. Nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from collateral_registry.domain.access.callers import Caller
from collateral_registry.domain.access.roles import Role
from collateral_registry.domain.shared.errors import Unauthenticated
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput

LEEWAY_SECONDS = 30
"""Difference between the clocks of an issuer and of this machine."""

LAST_EXPIRY = 2.0**53
"""A later expiry of a token, in seconds of the epoch, counts as this one."""

RSA_BITS_LEAST = 2048
GRANTED_ROLES = tuple(role for role in Role if role not in {Role.LOCAL_OWNER, Role.PARTNER})
"""Roles that a token or a certificate may give. The others follow from the place of a caller, or from its feed."""

_CAUSES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "a token that has expired"),
    (jwt.ImmatureSignatureError, "a token that is not valid yet"),
    (jwt.InvalidAudienceError, "a token for another audience"),
    (jwt.InvalidIssuerError, "a token of another issuer"),
    (jwt.InvalidAlgorithmError, "a token that is signed by another algorithm than its key"),
    (jwt.InvalidSignatureError, "a token whose signature is wrong"),
    (jwt.MissingRequiredClaimError, "a token without exp, iss or aud"),
)


_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What the decoder raises besides its own errors for hostile parts of a token, such as lists in a thousand lists."""


@dataclass(frozen=True)
class Key:
    """A public key, and the only algorithm that it verifies."""

    algorithm: str
    key: EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True)
class Issuer:
    """An issuer of tokens: its claims, its keys by their ids, and the roles by the values of its claim of roles."""

    name: str
    lender: str
    issuer: str
    audience: str
    subject_claim: str
    roles_claim: str
    roles: Mapping[str, Role]
    keys: Mapping[str, Key]

    def caller_of(self, claims: Mapping[str, Any]) -> Caller:
        """Returns the caller that verified claims name; raises Unauthenticated if they name none."""
        subject = claims.get(self.subject_claim)
        try:
            principal = checked_text("sub", f"{self.name}/{subject}" if isinstance(subject, str) and subject else "")
        except InvalidInput:
            raise _refused(f"a token without a usable claim {self.subject_claim}") from None
        stated = _roles_in(claims, self.roles_claim)
        return Caller(principal, self.lender, frozenset(self.roles[one] for one in stated if one in self.roles))


def is_json_web_token(token: str) -> bool:
    """Returns whether a token has the three parts of a JSON web token."""
    return token.count(".") == 2


def verified(token: str, issuers: Iterable[Issuer]) -> tuple[Caller, float]:
    """Returns the caller of a token and the time, in seconds of the epoch, until which it is valid.

    Raises Unauthenticated, whose text states what is wrong and nothing of the token.
    """
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        stated = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, *_MALFORMED):
        raise _refused("a token that is not well-formed") from None
    named = [issuer for issuer in issuers if issuer.issuer == stated.get("iss")]
    if not named:
        raise _refused("a token of an unknown issuer")
    audiences = stated.get("aud")
    wanted = audiences if isinstance(audiences, list) else [audiences]
    issuer = next((one for one in named if one.audience in wanted), named[0])
    key = issuer.keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise _refused("a token with an unknown key id")
    claims = _claims(token, issuer, key)
    return issuer.caller_of(claims), min(claims["exp"], LAST_EXPIRY) + LEEWAY_SECONDS


def _claims(token: str, issuer: Issuer, key: Key) -> dict[str, Any]:
    try:
        found: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud"]},
        )
    except (jwt.PyJWTError, *_MALFORMED) as error:
        texts = (text for kind, text in _CAUSES if isinstance(error, kind))
        raise _refused(next(texts, "a token that is not valid")) from None
    if not isinstance(found["exp"], int | float):  # the decoder accepts a text too
        raise _refused("a token that is not valid")
    return found


def _refused(got: str) -> Unauthenticated:
    return Unauthenticated(f"authorization: got {got}, want a valid token of an issuer of this service")


def _roles_in(claims: Mapping[str, Any], claim: str) -> list[str]:
    """Returns the values of a claim that is a list or a text with spaces; its name may be a path such as a.b."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    values = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return [value for value in values if isinstance(value, str)]


def keys_of(text: str) -> dict[str, Key]:
    """Returns the usable public keys of a JSON web key set by their ids; raises ValueError.

    Keys for encryption and keys of other algorithms are left out, because issuers publish them in the same set.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"got no JSON: {error}") from None
    stated = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(stated, list) or not all(isinstance(one, dict) for one in stated):
        raise ValueError("got no list of keys, want the JSON web key set of the issuer")
    found: dict[str, Key] = {}
    for number, one in enumerate(stated):
        if {"d", "k"} & one.keys():
            raise ValueError(f"keys.{number}: got a secret key, want public keys only")
        key = _key_of(one)
        if key is None:
            continue
        key_id = one.get("kid")
        if not isinstance(key_id, str) or not key_id:
            raise ValueError(f"keys.{number}.kid: got none, want an id")
        if key_id in found:
            raise ValueError(f"keys.{number}.kid: got the id of another key, want ids that differ")
        found[key_id] = key
    if not found:
        raise ValueError(f"got no usable key, want keys of RSA with {RSA_BITS_LEAST} bits and more, or of P-256")
    return found


def _key_of(stated: Mapping[str, Any]) -> Key | None:
    """Returns a public key that verifies signatures by an algorithm of this service; None if it does not."""
    if stated.get("use", "sig") != "sig":
        return None
    try:
        key: object = jwt.PyJWK(dict(stated)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    algorithm = ""
    if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS_LEAST:
        algorithm = "RS256"
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        algorithm = "ES256"
    if not algorithm or stated.get("alg", algorithm) != algorithm:
        return None
    return Key(algorithm, key)
