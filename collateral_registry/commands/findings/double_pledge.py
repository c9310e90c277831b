"""The same thing pledged twice: checked when it is registered, changed or pledged, and over the whole book."""

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
from collateral_registry.domain.shared.reference_matching import ReferenceNumber
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
from collateral_registry.store.assets.repository import get_asset, update_asset
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import get_finding, known_fingerprints
from valuation._typing import Int
from valuation.errors import InvalidInput

DOUBLE_KINDS = {FindingKind.DOUBLE_PLEDGE, FindingKind.SUSPECTED_DOUBLE_PLEDGE}

PAIR_DIGEST_BYTES = 16

PAIRS_LIMIT = 10_000
"""Pairs of numbers that a check of the book holds in memory as objects at a time."""

SEVERITY = {ReferenceVerdict.STRONG: Severity.CRITICAL, ReferenceVerdict.SUSPICION: Severity.WARNING}
KIND = {
    ReferenceVerdict.STRONG: FindingKind.DOUBLE_PLEDGE,
    ReferenceVerdict.SUSPICION: FindingKind.SUSPECTED_DOUBLE_PLEDGE,
}


@dataclass(frozen=True)
class Checked:
    """What a check of the whole book found."""

    strong: int
    suspicions: int
    opened: int


def check_asset(write: Write, key: int, asset: Asset, before: Asset | None = None) -> None:
    """Refuses an asset whose number another one has; what is merely suspicious becomes findings at both.

    Of an asset that is changed only the numbers that are new are looked at.
    """
    known = set(identities_of(before)) if before else set()
    for identity in identities_of(asset):
        if identity not in known:
            _check(write, KnownIdentity(identity, key, asset.asset_id, asset.owner, "", ""))


def check_notice(write: Write, pledge: Pledge, pledge_key: int, asset_key: int, asset: Asset, loan: Loan) -> None:
    """Writes the registration of a pledge; refuses one that secures another borrower's loan by another asset."""
    found = notice_of(pledge, asset)
    for notice in found:
        mine = KnownIdentity(notice, asset_key, asset.asset_id, asset.owner, loan.loan_id, loan.borrower)
        _check(write, mine)
    write_identities(write.connection, asset_key, pledge_key, found)


def check_book(write: Write) -> Checked:
    """Looks for the same number, and for numbers an edit apart with agreeing evidence, in the whole book at once."""
    write_missing(write.connection)
    pairs = sorted(_pairs(same_numbers(write.connection)) | _near_pairs(agreeing_numbers(write.connection)))
    parts = [_check_pairs(write, pairs[start : start + PAIRS_LIMIT]) for start in range(0, len(pairs), PAIRS_LIMIT)]
    return Checked(*(sum(getattr(part, name) for part in parts) for name in ("strong", "suspicions", "opened")))


def _check_pairs(write: Write, pairs: Sequence[tuple[int, int]]) -> Checked:
    """Judges pairs of numbers and opens the findings that nobody was told before."""
    known = identities_by_key(write.connection, np.unique(np.array(pairs, dtype=np.int64)))
    found = [(known[one], known[other]) for one, other in pairs if one in known and other in known]
    judged = [(*pair, _verdict(*pair)) for pair in found if pair[0].asset_key != pair[1].asset_key]
    findings = [one for first, second, verdict in judged if verdict for one in _findings(first, second, verdict)]
    told = known_fingerprints(write.connection, [finding.fingerprint for finding in findings])
    opened = open_findings(write, [finding for finding in findings if finding.fingerprint not in told])
    strong, suspicions = (
        sum(row[2] == wanted for row in judged) for wanted in (ReferenceVerdict.STRONG, ReferenceVerdict.SUSPICION)
    )
    return Checked(strong, suspicions, len(opened))


def confirm_double_pledge(write: Write, key: int, note: str) -> None:
    """Takes a finding for proved: its asset is worth nothing from now on. Dismissal is its resolution with a note."""
    stored = get_finding(write.connection, key)
    if stored.finding.kind not in DOUBLE_KINDS:
        raise InvalidInput("name", f"a finding of kind {stored.finding.kind.name}", "a double pledge or a suspicion")
    if stored.state == FindingState.RESOLVED:
        raise Refused("FINDING_RESOLVED", f"findings/{key} is resolved already")
    asset = get_asset(write.connection, stored.asset_id)
    if asset.asset.status == Status.RETIRED:
        raise Refused("ASSET_RETIRED", f"assets/{stored.asset_id} is retired and cannot change")
    resolve_finding(write, key, f"confirmed: {note}")
    update_asset(write, asset, replace(asset.asset, status=Status.DOUBLE_PLEDGED))
    write.touched.add(assets=[asset.key])


def _check(write: Write, mine: KnownIdentity) -> None:
    findings: list[Finding] = []
    for other in similar_identities(write.connection, mine.identity, mine.asset_key):
        verdict = _verdict(mine, other)
        if verdict == ReferenceVerdict.STRONG:
            evidence = _evidence(mine, other)
            raise Refused("DOUBLE_PLEDGE", _sentence(mine, other, verdict), **evidence)
        if verdict == ReferenceVerdict.SUSPICION:
            findings += _findings(mine, other, verdict)
    told = known_fingerprints(write.connection, [finding.fingerprint for finding in findings])
    open_findings(write, [finding for finding in findings if finding.fingerprint not in told])


def _verdict(one: KnownIdentity, other: KnownIdentity) -> ReferenceVerdict:
    """What two numbers say; one notice may cover many things of one borrower."""
    if one.identity.kind == IdentityKind.NOTICE and one.borrower == other.borrower:
        return ReferenceVerdict.NONE
    return verdict_of(one.identity, other.identity)


def _pairs(rows: Columns) -> set[tuple[int, int]]:
    """Pairs of neighbours under one form: each number with the first of its group, so that a group is told once."""
    pairs: set[tuple[int, int]] = set()
    starts, firsts = _groups(rows)
    for key, first in zip(rows["identity_key"].tolist(), rows["identity_key"][starts[firsts]].tolist(), strict=True):
        if key != first:
            pairs.add((first, key))
    return pairs


def _near_pairs(rows: Columns) -> set[tuple[int, int]]:
    """Pairs within one edit among those that share an agreement, by comparing each group with itself shifted."""
    pairs: set[tuple[int, int]] = set()
    _, group = _groups(rows)
    letters = np.array([ReferenceNumber(text).letters for text in rows["written"]], dtype=object)
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
    """The first row of each group of kind, scope and form, and the group of each row [n]; rows are in their order."""
    count = len(rows["identity_key"])
    if not count:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    changes = np.zeros(count, dtype=np.bool_)
    changes[0] = True
    for name in ("kind", "scope", "form"):
        changes[1:] |= rows[name][1:] != rows[name][:-1]
    return np.flatnonzero(changes), np.cumsum(changes) - 1


def _findings(one: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> Sequence[Finding]:
    """The same said of each of the two, so that the lenders of both hear it."""
    return [_finding(one, other, verdict), _finding(other, one, verdict)]


def _finding(mine: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> Finding:
    field = FIELD_OF[mine.identity.kind]
    return Finding(
        kind=KIND[verdict],
        severity=SEVERITY[verdict],
        fingerprint=f"double pledge {field} {_pair(mine, other)}",
        summary=_sentence(mine, other, verdict)[:200],
        evidence=_evidence(mine, other),
        asset_key=mine.asset_key,
    )


def _pair(mine: KnownIdentity, other: KnownIdentity) -> str:
    """The two claims in few characters: four ids of full length are more than a fingerprint holds."""
    ids = (mine.asset_id, mine.loan_id, other.asset_id, other.loan_id)
    return hashlib.blake2b("/".join(ids).encode(), digest_size=PAIR_DIGEST_BYTES).hexdigest()


def _evidence(mine: KnownIdentity, other: KnownIdentity) -> dict[str, str]:
    """Which field, which values, whose, and what else agrees."""
    identity: Identity = mine.identity
    return {
        "field": FIELD_OF[identity.kind],
        "value": identity.written,
        "other_value": other.identity.written,
        "match": match_within(identity, other.identity).name,
        "within": identity.scope,
        "asset": f"assets/{mine.asset_id}",
        "other_asset": f"assets/{other.asset_id}",
        "owner": mine.owner,
        "other_owner": other.owner,
        "holder": other.holder,
        "agreeing": shared_evidence(identity, other.identity),
    }


def _sentence(mine: KnownIdentity, other: KnownIdentity, verdict: ReferenceVerdict) -> str:
    field = FIELD_OF[mine.identity.kind]
    told = f"{field} {mine.identity.written} of assets/{mine.asset_id}"
    if verdict == ReferenceVerdict.STRONG:
        return f"{told} is {other.identity.written} of assets/{other.asset_id}, held by {other.holder}"
    shared = shared_evidence(mine.identity, other.identity)
    return f"{told} is close to {other.identity.written} of assets/{other.asset_id}, and so is the rest: {shared}"
