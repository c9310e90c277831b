"""Prints who may do what according to an access file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collateral_registry.cli.common.client import print_line
from collateral_registry.clock import wall_clock
from collateral_registry.domain.access.roles import PERMISSIONS, Role
from collateral_registry.rpc.access.access_file import (
    PARTNERS,
    AccessFiles,
    IssuerEntry,
    LenderEntry,
    PartnerEntry,
    lenders_in,
    read_entries,
)
from collateral_registry.rpc.access.json_web_tokens import GRANTED_ROLES


def describe(file: Path) -> None:
    """Prints the callers of each lender, and the permissions of their roles; raises ValueError for a damaged file."""
    identities, _ = AccessFiles(access_file=file).read()
    keys = {(issuer.lender, issuer.name): list(issuer.keys) for issuer in identities.issuers}
    roles: set[Role] = set()
    for lender, entry in lenders_in(read_entries(file)):
        print_line(f"lender {lender}")
        for line in _callers(lender, entry, keys):
            print_line(f"  {line}")
        roles |= _roles(entry)
    print_line("")
    for role in sorted(roles):
        print_line(f"{role} may: {', '.join(sorted(PERMISSIONS[role]))}")


def _callers(lender: str, entry: LenderEntry, keys: dict[tuple[str, str], list[str]]) -> Iterator[str]:
    for spiffe_id, certificate in entry.certificates.items():
        yield f"{spiffe_id}: certificate, {', '.join(certificate.roles) or 'no role'}"
    for name, issuer in entry.issuers.items():
        yield from _issuer(name, issuer, keys[lender, name])
    for feed, partner in entry.partners.items():
        yield _partner(feed, partner)


def _issuer(name: str, entry: IssuerEntry, keys: list[str]) -> Iterator[str]:
    yield f"{name}/SUBJECT: tokens of {entry.issuer} for {entry.audience}, keys {', '.join(keys)}"
    if not entry.roles:
        yield f"    the roles in the claim {entry.roles_claim}"
    for value, role in entry.roles.items():
        yield f"    {role} if the claim {entry.roles_claim} has {value}"


def _partner(feed: str, entry: PartnerEntry) -> str:
    now = wall_clock()
    tokens = [
        "a token"
        if one.expires is None
        else f"a token that {'expired' if one.expires <= now else 'expires'} at {one.expires:%Y-%m-%d %H:%M %Z}"
        for one in entry.tokens
    ]
    places = [f"warehouse {one}" for one in entry.warehouses] + [f"pool {one}" for one in entry.pools]
    source = " as the collection account" if entry.account else ""
    return f"{PARTNERS}/{feed}: {', '.join([*tokens, *entry.certificates])}; reports {', '.join(places)}{source}"


def _roles(entry: LenderEntry) -> set[Role]:
    granted = {role for one in entry.certificates.values() for role in one.roles}
    for issuer in entry.issuers.values():
        granted |= set(issuer.roles.values() or GRANTED_ROLES)
    return granted | ({Role.PARTNER} if entry.partners else set())
