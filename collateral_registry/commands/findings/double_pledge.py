"""Detects assets that are pledged twice: on registration, on changes, on pledges, and in a check of the whole book."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from collateral_registry.commands.pipeline.findings import open_findings, resolve_finding
from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.findings.kinds import Finding, FindingKind, FindingState, Severity
from collateral_registry.domain.findings.references import (
    FIELD_OF,
    Identity,
    IdentityKind,
    ReferenceVerdict,
    identities_of,
    match_within,
    notice_of,
    shared_evidence,
    verdict_of,
)
from collateral_registry.domain.loans.agreements import Loan, Pledge
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.reference_matching import Match
from collateral_registry.store.assets.references import (
    AGREEING_LIMIT,
    KnownIdentity,
    agreeing_numbers,
    identities_by_key,
    same_numbers,
    similar_identities,
    write_identities,
    write_missing,
)
from collateral_registry.store.assets.repository import StoredAsset, get_asset, holder_of_identity, update_asset
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.findings.repository import get_finding, known_fingerprints
from valuation._typing import Int
from valuation.errors import InvalidInput

DOUBLE_KINDS = {FindingKind.DOUBLE_PLEDGE, FindingKind.SUSPECTED_DOUBLE_PLEDGE}

PAIR_DIGEST_BYTES = 16

PAIRS_LIMIT = 10_000
"""Number of pairs of reference numbers that a check of the book holds in memory as objects at a time."""

NOT_REGISTERED = 0
"""Key of an asset that is not registered."""

SEVERITY = {ReferenceVerdict.STRONG: Severity.CRITICAL, ReferenceVerdict.SUSPICION: Severity.WARNING}
KIND = {
    ReferenceVerdict.STRONG: FindingKind.DOUBLE_PLEDGE,
    ReferenceVerdict.SUSPICION: FindingKind.SUSPECTED_DOUBLE_PLEDGE,
}


@dataclass(frozen=True)
class ReferenceCheck:
    """The result of a check of the whole book."""

    strong: int
    suspicions: int
    opened: int


def check_asset(write: Write, key: int, asset: Asset, before: Asset | None = None) -> None:
    """Raises Refused if another asset has the same reference number; opens findings on both assets for a similar one.

    For a changed asset, only the new reference numbers are checked.
    """
    known = set(identities_of(before)) if before else set()
    for identity in identities_of(asset):
        if identity not in known:
            _check(write, KnownIdentity(identity, key, asset.asset_id, asset.owner, "", ""))


def registered_as(connection: Connection, asset: Asset) -> str:
    """Returns the name of the registered asset that is the same thing as one to be quoted; empty if there is none."""
    holder = holder_of_identity(connection, asset.identity)
    for identity in identities_of(asset):
        own = KnownIdentity(identity, NOT_REGISTERED, asset.asset_id, asset.owner, "", "")
        for other in similar_identities(connection, identity, NOT_REGISTERED):
            if not holder and _verdict(own, other) == ReferenceVerdict.STRONG:
                holder = other.asset_id
    return f"assets/{holder}" if holder else ""


def check_notice(write: Write, pledge: Pledge, pledge_key: int, asset_key: int, asset: Asset, loan: Loan) -> None:
    """Stores the registration number of a pledge.

    Raises Refused if the number already belongs to another borrower's pledge of another asset.
    """
    notices = notice_of(pledge, asset)
    for notice in notices:
        own = KnownIdentity(notice, asset_key, asset.asset_id, asset.owner, loan.loan_id, loan.borrower)
        _check(write, own)
    write_identities(write.connection, asset_key, pledge_key, notices)


def check_book(write: Write) -> ReferenceCheck:
    """Finds equal reference numbers in the whole book, and similar ones.

    Similar numbers are one edit apart and have agreeing evidence.
    """
    write_missing(write.connection)
    pairs = sorted(_pairs(same_numbers(write.connection)) | _near_pairs(agreeing_numbers(write.connection)))
    parts = [_check_pairs(write, pairs[start : start + PAIRS_LIMIT]) for start in range(0, len(pairs), PAIRS_LIMIT)]
    return ReferenceCheck(*(sum(getattr(part, name) for part in parts) for name in ("strong", "suspicions", "opened")))


def _check_pairs(write: Write, pairs: Sequence[tuple[int, int]]) -> ReferenceCheck:
    """Judges pairs of reference numbers and opens the findings that are new."""
    identities = identities_by_key(write.connection, np.unique(np.array(pairs, dtype=np.int64)))
    found = [(identities[one], identities[other]) for one, other in pairs if one in identities and other in identities]
    judged = [(*pair, _verdict(*pair)) for pair in found if pair[0].asset_key != pair[1].asset_key]
    findings = [one for first, second, verdict in judged if verdict for one in _findings(first, second, verdict)]
    known = known_fingerprints(write.connection, [finding.fingerprint for finding in findings])
    opened = open_findings(write, [finding for finding in findings if finding.fingerprint not in known])
    strong, suspicions = (
        sum(row[2] == wanted for row in judged) for wanted in (ReferenceVerdict.STRONG, ReferenceVerdict.SUSPICION)
    )
    return ReferenceCheck(strong, suspicions, len(opened))


def confirm_double_pledge(write: Write, key: int, note: str) -> None:
    """Confirms a finding of a double pledge; its asset is worth 0 from now on.

    Raises the errors of ``confirmable_asset``.
    """
    asset = confirmable_asset(write.connection, key)
    resolve_finding(write, key, f"confirmed: {note}")
    update_asset(write, asset, replace(asset.asset, status=Status.DOUBLE_PLEDGED))
    write.touched.add(assets=[asset.key])


def confirmable_asset(connection: Connection, key: int) -> StoredAsset:
    """Returns the asset of a finding of a double pledge that can be confirmed.

    Raises NotFound, InvalidInput for another kind of finding, and Refused if it is resolved or its asset is retired.
    """
    stored = get_finding(connection, key)
    if stored.finding.kind not in DOUBLE_KINDS:
        raise InvalidInput("name", f"a finding of kind {stored.finding.kind.name}", "a double pledge or a suspicion")
    if stored.state == FindingState.RESOLVED:
        raise Refused("FINDING_RESOLVED", f"findings/{key} is resolved already: choose an open one from ListFindings")
    asset = get_asset(connection, stored.asset_id)
    if asset.asset.status == Status.RETIRED:
        raise Refused(
            "ASSET_RETIRED",
            f"assets/{stored.asset_id} is retired and cannot change: resolve the finding by ResolveFinding",
        )
    return asset


def _check(write: Write, own: KnownIdentity) -> None:
    """Compares a number with all similar ones; raises Refused for a match and opens findings for suspicions."""
    findings: list[Finding] = []
    for other in similar_identities(write.connection, own.identity, own.asset_key):
        verdict = _verdict(own, other)
        if verdict == ReferenceVerdict.STRONG:
            evidence = _evidence(own, other)
            raise Refused("DOUBLE_PLEDGE", _sentence(own, other, verdict), **evidence)
        if verdict == ReferenceVerdict.SUSPICION:
            findings += _findings(own, other, verdict)
    known = known_fingerprints(write.connection, [finding.fingerprint for finding in findings])
    open_findings(write, [finding for finding in findings if finding.fingerprint not in known])


def _verdict(one: KnownIdentity, other: KnownIdentity) -> ReferenceVerdict:
    """Returns the verdict on two numbers.

    Two equal registration numbers of one borrower are no contradiction, because one registration may cover several
    assets. A number that a correction reserves matches in every spelling, whatever the quantity of a lot is.
    """
    if one.identity.kind == IdentityKind.NOTICE and one.borrower == other.borrower:
        return ReferenceVerdict.NONE
    reserved = (one.is_reserved or other.is_reserved) and one.identity.kind != IdentityKind.BIN
    if reserved and match_within(one.identity, other.identity) == Match.SAME:
        return ReferenceVerdict.STRONG
    return verdict_of(one.identity, other.identity)


def _pairs(rows: Columns) -> set[tuple[int, int]]:
    """Returns pairs of equal numbers.

    Each number is paired with the first of its group, so that each is reported once.
    """
    pairs: set[tuple[int, int]] = set()
    starts, firsts = _groups(rows)
    for key, first in zip(rows["identity_key"].tolist(), rows["identity_key"][starts[firsts]].tolist(), strict=True):
        if key != first:
            pairs.add((first, key))
    return pairs


def _near_pairs(rows: Columns) -> set[tuple[int, int]]:
    """Returns pairs of numbers that are at most one edit apart and have agreeing evidence.

    The rows are compared with themselves shifted by 1, 2, … rows, within each group.
    """
    pairs: set[tuple[int, int]] = set()
    _, group = _groups(rows)
    columns = (rows["kind"].tolist(), rows["scope"].tolist(), rows["written"].tolist())
    letters = np.array(
        [
            Identity(IdentityKind(kind), scope, text, "").writing.letters
            for kind, scope, text in zip(*columns, strict=True)
        ],
        dtype=object,
    )
    for step in range(1, AGREEING_LIMIT):
        near = np.flatnonzero(group[:-step] == group[step:]) if len(group) > step else np.zeros(0, dtype=np.int64)
        if not len(near):
            break
        first, second = letters[near].tolist(), letters[near + step].tolist()
        distance = cpdist(first, second, scorer=OSA.distance, score_cutoff=1)
        close = near[distance <= 1]
        found = zip(rows["identity_key"][close].tolist(), rows["identity_key"][close + step].tolist(), strict=True)
        pairs.update((min(pair), max(pair)) for pair in found)
    return pairs


def _groups(rows: Columns) -> tuple[Int, Int]:
    """Returns the first row of each group, and the group of each row [n].

    The rows are sorted. Rows with the same kind, scope and form are a group.
    """
    count = len(rows["identity_key"])
    if not count:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    changes = np.zeros(count, dtype=np.bool_)
    changes[0] = True
    for name in ("kind", "scope", "form"):
        changes[1:] |= rows[name][1:] != rows[name][:-1]
    return np.flatnonzero(changes), np.cumsum(changes) - 1


def _findings(one: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> Sequence[Finding]:
    """Returns one finding for each of the two assets, so that the lenders of both are notified."""
    return [_finding(one, other, verdict), _finding(other, one, verdict)]


def _finding(own: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> Finding:
    field = FIELD_OF[own.identity.kind]
    return Finding(
        kind=KIND[verdict],
        severity=SEVERITY[verdict],
        fingerprint=f"double pledge {field} {_pair(own, other)}",
        summary=_sentence(own, other, verdict)[:200],
        evidence=_evidence(own, other),
        asset_key=own.asset_key,
    )


def _pair(own: KnownIdentity, other: KnownIdentity) -> str:
    """Returns a digest of the ids of both assets and loans, because four ids can be too long for a fingerprint."""
    ids = (own.asset_id, own.loan_id, other.asset_id, other.loan_id)
    return hashlib.blake2b("/".join(ids).encode(), digest_size=PAIR_DIGEST_BYTES).hexdigest()


def _evidence(own: KnownIdentity, other: KnownIdentity) -> dict[str, str]:
    """Returns the field, the two numbers with their assets and owners, and the evidence that agrees."""
    identity: Identity = own.identity
    return {
        "field": FIELD_OF[identity.kind],
        "value": identity.written,
        "other_value": other.identity.written,
        "match": match_within(identity, other.identity).name,
        "within": identity.scope,
        "asset": f"assets/{own.asset_id}",
        "other_asset": f"assets/{other.asset_id}",
        "owner": own.owner,
        "other_owner": other.owner,
        "holder": other.holder,
        "agreeing": shared_evidence(identity, other.identity),
    }


def _sentence(own: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> str:
    field = FIELD_OF[own.identity.kind]
    reference = f"{field} {own.identity.written} of assets/{own.asset_id}"
    if verdict == ReferenceVerdict.STRONG:
        held = "reserved by a correction of its identity" if other.is_reserved else f"held by {other.holder}"
        return f"{reference} is {other.identity.written} of assets/{other.asset_id}, {held}"
    shared = shared_evidence(own.identity, other.identity)
    return f"{reference} is close to {other.identity.written} of assets/{other.asset_id}, with agreeing {shared}"
