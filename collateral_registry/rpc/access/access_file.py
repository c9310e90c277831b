"""Reads the access file and the file of partners, which list who may call the service (docs/security.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from collateral_registry.domain.access.callers import OWN_LENDER, Caller
from collateral_registry.domain.access.roles import Role
from collateral_registry.domain.feeds.partners import Partner
from collateral_registry.domain.shared.names import ID_RULE, is_id
from collateral_registry.rpc.access.identities import Identities, PartnerToken
from collateral_registry.rpc.access.json_web_tokens import GRANTED_ROLES, Issuer, keys_of
from collateral_registry.rpc.access.strict_models import StrictModel, problem_of
from valuation.errors import InvalidInput

PARTNERS = "partners"
"""First part of the principals of partners, which no issuer may have as its name."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+")


def _granted_role(value: object) -> Role:
    if value not in GRANTED_ROLES:
        raise PydanticCustomError("role", f"want one of {', '.join(GRANTED_ROLES)}")
    return Role(str(value))


def _digest(value: object) -> str:
    # The value may be a plain token, so the message does not show it.
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise PydanticCustomError("digest", "want the SHA-256 of a token, 64 hexadecimal digits in lower case")
    return value


def _spiffe_id(value: object) -> str:
    if not isinstance(value, str) or not _SPIFFE_ID.fullmatch(value):
        raise PydanticCustomError("spiffe_id", "want a SPIFFE id such as spiffe://bank.example/origination")
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise PydanticCustomError("id", f"want {ID_RULE}")
    return value


def _issuer_name(value: object) -> str:
    if value == PARTNERS:
        raise PydanticCustomError("issuer_name", f"want another name than {PARTNERS}, which partners have")
    return _id(value)


GrantedRole = Annotated[Role, BeforeValidator(_granted_role)]
Digest = Annotated[str, BeforeValidator(_digest)]
SpiffeId = Annotated[str, BeforeValidator(_spiffe_id)]
Id = Annotated[str, BeforeValidator(_id)]
IssuerName = Annotated[str, BeforeValidator(_issuer_name)]
Text = Annotated[str, StringConstraints(min_length=1)]


class CertificateEntry(StrictModel):
    """The roles of the caller with a certificate."""

    roles: list[GrantedRole]


class IssuerEntry(StrictModel):
    """An issuer of JSON web tokens. Without ``roles``, the claim of roles has the names of the roles themselves."""

    issuer: Text
    audience: Text
    keys_file: Text
    subject_claim: Text = "sub"
    roles_claim: Text = "roles"
    roles: dict[str, GrantedRole] = Field(default_factory=dict)


class TokenEntry(StrictModel):
    """A token of a partner."""

    sha256: Digest
    expires: AwareDatetime | None = None


class PartnerEntry(StrictModel):
    """A partner with its credentials, of which it needs at least one."""

    tokens: list[TokenEntry] = Field(default_factory=list)
    certificates: list[SpiffeId] = Field(default_factory=list)
    warehouses: list[str] = Field(default_factory=list)
    pools: list[str] = Field(default_factory=list)
    account: bool = False


class LenderEntry(StrictModel):
    """The callers of one lender: certificates by SPIFFE id, issuers by name, and partners by feed."""

    certificates: dict[SpiffeId, CertificateEntry] = Field(default_factory=dict)
    issuers: dict[IssuerName, IssuerEntry] = Field(default_factory=dict)
    partners: dict[Id, PartnerEntry] = Field(default_factory=dict)


class AccessEntries(LenderEntry):
    """The access file: the callers of the only lender, or those of each lender by its id."""

    lenders: dict[Id, LenderEntry] = Field(default_factory=dict)


class _FiledPartner(StrictModel):
    """An entry of the file of partners, which has one token without expiry."""

    token_sha256: Digest
    warehouses: list[str] = Field(default_factory=list)
    pools: list[str] = Field(default_factory=list)
    account: bool = False


@dataclass(frozen=True)
class AccessFiles:
    """The files that list who may call the service."""

    access_file: Path | None = None
    partners_file: Path | None = None

    def read(self) -> tuple[Identities, list[Path]]:
        """Returns the identities and the files that they were read from; raises ValueError that names the place."""
        found = _Collected()
        paths = [path for path in (self.access_file, self.partners_file) if path is not None]
        if self.access_file is not None:
            with _named("access_file", self.access_file, "a TOML file of identities (docs/security.md)"):
                paths += found.add_entries(_entries_of_callers(self.access_file), self.access_file.parent)
        if self.partners_file is not None:
            with _named("partners_file", self.partners_file, "a JSON file of partners (docs/commands.md)"):
                found.add_filed_partners(self.partners_file)
        return Identities(found.certificates, found.tokens, tuple(found.issuers)), paths


def read_entries(path: Path) -> AccessEntries:
    """Returns the content of an access file; raises ValueError that names the place, and OSError."""
    try:
        return AccessEntries.model_validate(tomllib.loads(path.read_bytes().decode()))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"no TOML: {error}") from None


def _entries_of_callers(path: Path) -> AccessEntries:
    """Returns the content of an access file; raises ValueError if it is empty, as it may be while it is written."""
    entries = read_entries(path)
    if not any(one.certificates or one.issuers or one.partners for _, one in lenders_in(entries)):
        raise ValueError("no callers")
    return entries


def lenders_in(entries: AccessEntries) -> Iterator[tuple[str, LenderEntry]]:
    """Yields each lender of an access file with its callers."""
    if entries.certificates or entries.issuers or entries.partners:
        yield OWN_LENDER, entries
    yield from entries.lenders.items()


@contextmanager
def _named(setting: str, path: Path, want: str) -> Iterator[None]:
    """Raises the errors of reading a file as ValueError that names its setting and the place in the file."""
    try:
        yield
    except ValidationError as error:
        problem = problem_of(error)
    except UnicodeDecodeError:
        problem = "not UTF-8"
    except OSError as error:
        other = f"{error.filename}: " if error.filename not in {None, str(path)} else ""
        problem = f"{other}{error.strerror or error}"
    except (ValueError, InvalidInput) as error:
        problem = str(error)
    else:
        return
    raise ValueError(f"{setting}: got {path} ({problem}), want {want}")


class _Collected:
    """The callers of several files; each credential belongs to one caller, and each feed to one partner."""

    def __init__(self) -> None:
        self.certificates: dict[str, Caller] = {}
        self.tokens: dict[str, PartnerToken] = {}
        self.issuers: list[Issuer] = []
        self._feeds: set[tuple[str, str]] = set()

    def add_entries(self, entries: AccessEntries, folder: Path) -> list[Path]:
        """Adds the callers of an access file; returns the files of keys that it names. Raises ValueError."""
        files = []
        for lender, entry in lenders_in(entries):
            place = "" if entry is entries else f"lenders.{lender}."
            for spiffe_id, certificate in entry.certificates.items():
                caller = Caller(spiffe_id, lender, frozenset(certificate.roles))
                self._add_certificate(f"{place}certificates.{spiffe_id}", spiffe_id, caller)
            for name, issuer in entry.issuers.items():
                files.append(folder / issuer.keys_file)
                self._add_issuer(f"{place}issuers.{name}", _issuer(name, lender, issuer, files[-1]))
            for feed, partner in entry.partners.items():
                self._add_partner(f"{place}partners.{feed}", lender, feed, partner)
        return files

    def add_filed_partners(self, path: Path) -> None:
        """Adds the partners of a file of partners; raises ValueError or OSError."""
        entries = TypeAdapter(dict[Id, _FiledPartner]).validate_json(path.read_bytes().decode())
        for feed, filed in entries.items():
            token = TokenEntry(sha256=filed.token_sha256)
            entry = PartnerEntry(tokens=[token], warehouses=filed.warehouses, pools=filed.pools, account=filed.account)
            self._add_partner(f"partners.{feed}", OWN_LENDER, feed, entry)

    def _add_certificate(self, place: str, spiffe_id: str, caller: Caller) -> None:
        if spiffe_id in self.certificates:
            raise ValueError(f"{place}: got the SPIFFE id of another caller, want ids that differ")
        self.certificates[spiffe_id] = caller

    def _add_issuer(self, place: str, issuer: Issuer) -> None:
        if any((one.issuer, one.audience) == (issuer.issuer, issuer.audience) for one in self.issuers):
            raise ValueError(f"{place}: got issuer and audience of another entry, want a pair that differs")
        self.issuers.append(issuer)

    def _add_partner(self, place: str, lender: str, feed: str, entry: PartnerEntry) -> None:
        if (lender, feed) in self._feeds:
            raise ValueError(f"{place}: got the feed of another entry, want each feed once")
        if not entry.tokens and not entry.certificates:
            raise ValueError(f"{place}.tokens: got neither tokens nor certificates, want one of them")
        self._feeds.add((lender, feed))
        partner = Partner(feed, frozenset(entry.warehouses), frozenset(entry.pools), of_account=entry.account)
        caller = Caller(f"{PARTNERS}/{feed}", lender, frozenset({Role.PARTNER}), partner)
        for spiffe_id in entry.certificates:
            self._add_certificate(f"{place}.certificates", spiffe_id, caller)
        for number, token in enumerate(entry.tokens):
            if token.sha256 in self.tokens:
                raise ValueError(f"{place}.tokens.{number}.sha256: got that of another token, want each token once")
            self.tokens[token.sha256] = PartnerToken(caller, token.expires)


def _issuer(name: str, lender: str, entry: IssuerEntry, path: Path) -> Issuer:
    try:
        keys = keys_of(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    roles: Mapping[str, Role] = entry.roles or {role.value: role for role in GRANTED_ROLES}
    return Issuer(name, lender, entry.issuer, entry.audience, entry.subject_claim, entry.roles_claim, roles, keys)
