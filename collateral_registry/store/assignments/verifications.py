"""Stores verifications of the invoices of pools: plans and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from operator import itemgetter

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select

from collateral_registry.domain.assignments.events import InvoiceScope
from collateral_registry.domain.assignments.verification import (
    Answer,
    Answers,
    Plan,
    answers_in_force,
    denied_invoices,
    least_misstated_share,
    misstated_share,
)
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Id, Text, Time
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import check_unused, columns_of, existing, insert_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.assignments import VerificationAnswerRow, VerificationRow
from collateral_registry.store.schema.book import CommitRow

EVER = 2**62
"""A sequence after every commit."""

VERIFICATION_FILTER = FilterTable(
    verification=FilterField(Text(), VerificationRow.verification_id),
    asset=FilterField(Id("assets"), AssetRow.asset_id),
    date=FilterField(Day(), VerificationRow.day),
    actor=FilterField(Text(), VerificationRow.actor),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which verifications can be filtered."""


@dataclass(frozen=True)
class StoredVerification:
    """A verification with its keys, the id of its asset, who planned it and when, and the answers."""

    key: int
    asset_key: int
    asset_id: str
    plan: Plan
    actor: str
    known_us: int
    answers: Answers

    @property
    def name(self) -> str:
        """The resource name."""
        return f"assets/{self.asset_id}/verifications/{self.plan.verification_id}"


def insert_plan(write: Write, asset_key: int, asset_id: str, plan: Plan, actor: str) -> StoredVerification:
    """Stores a plan; raises AlreadyExists if its id is taken."""
    is_it = (VerificationRow.asset_key == asset_key) & (VerificationRow.verification_id == plan.verification_id)
    check_unused(write.connection, f"assets/{asset_id}/verifications/{plan.verification_id}", is_it)
    values = {"asset_key": asset_key, "seq": write.seq, "actor": actor, "document": to_document(plan)}
    values |= {"verification_id": plan.verification_id, "day": day_of(plan.day)}
    insert_row(write.connection, VerificationRow, **values)
    return get_verification(write.connection, asset_id, plan.verification_id)


def insert_answers(write: Write, stored: StoredVerification, answers: Sequence[Answer], actor: str) -> None:
    """Stores answers of debtors."""
    common = {"asset_key": stored.asset_key, "verification_key": stored.key, "seq": write.seq, "actor": actor}
    rows = [{**common, "document": to_document(answer)} for answer in answers]
    write.connection.execute(insert(VerificationAnswerRow), rows)


def get_verification(connection: Connection, asset_id: str, verification_id: str) -> StoredVerification:
    """Returns one verification; raises NotFound."""
    is_it = [AssetRow.asset_id == asset_id, VerificationRow.verification_id == verification_id]
    return existing(_verifications(connection, is_it, 1), f"assets/{asset_id}/verifications/{verification_id}")


def list_verifications(
    connection: Connection, wanted: Expression, before_key: int, limit: int
) -> list[StoredVerification]:
    """Returns a page of verifications, newest first."""
    where = [VERIFICATION_FILTER.where(wanted), VerificationRow.record_key < before_key]
    return _verifications(connection, where, limit)


def answered_verifications(connection: Connection, asset_key: int) -> list[StoredVerification]:
    """Returns all verifications of a pool that have answers, newest first."""
    rows = _verifications(connection, [VerificationRow.asset_key == asset_key], None)
    return [one for one in rows if one.answers]


def _verifications(
    connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None
) -> list[StoredVerification]:
    statement = (
        select(VerificationRow.__table__, AssetRow.asset_id, CommitRow.known_us)
        .join(AssetRow, AssetRow.asset_key == VerificationRow.asset_key)
        .join(CommitRow, CommitRow.seq == VerificationRow.seq)
        .where(*where)
        .order_by(VerificationRow.record_key.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    answers = _answers_of(connection, [row.record_key for row in rows])
    return [
        StoredVerification(
            row.record_key,
            row.asset_key,
            row.asset_id,
            from_document(Plan, row.document),
            row.actor,
            row.known_us,
            answers_in_force(answer for _, answer in answers[row.record_key]),
        )
        for row in rows
    ]


RecordedAnswer = tuple[int, Answer]
"""The key of the record of an answer, which grows with time, and the answer."""


def _answers_of(source: Source, keys: Sequence[int], seq: int = EVER) -> dict[int, list[RecordedAnswer]]:
    """Returns the answers to verifications up to a commit, in the order in which they were recorded."""
    answers: dict[int, list[RecordedAnswer]] = {key: [] for key in keys}
    if not keys:
        return answers
    columns = read_columns(source, _ANSWERS, {"keys": list(keys), "seq": seq})
    rows = zip(columns["verification_key"].tolist(), columns["record_key"].tolist(), columns["document"], strict=True)
    for key, record, document in rows:
        answers[key].append((record, from_document(Answer, document)))
    return answers


_ANSWERS = (
    select(*columns_of(VerificationAnswerRow, "verification_key", "record_key", "document"))
    .where(is_one_of(VerificationAnswerRow.verification_key, KEYS), VerificationAnswerRow.seq <= bindparam("seq"))
    .order_by(VerificationAnswerRow.record_key)
)


@dataclass(frozen=True)
class Verified:
    """What the verifications of a pool show as of a commit.

    ``misstated_share`` is the bound of the newest complete one and ``day`` its day; NaN and NO_DAY if there is none.
    ``least_share`` is the largest bound that the bad answers to newer ones already support, NaN without any.
    ``denied`` are the invoices that their debtors denied and have not confirmed since, and ``was_denied`` holds if one
    of these denials is not older than the first answer to the newest complete verification.
    """

    misstated_share: float = nan
    day: int = NO_DAY
    least_share: float = nan
    denied: Sequence[InvoiceScope] = ()
    was_denied: bool = False


def verification_of(source: Source, asset_key: int, seq: int | None = None) -> Verified:
    """Returns what the verifications of a pool show, as of commit ``seq`` or, without one, now."""
    return verifications_of(source, [asset_key], seq).get(asset_key, Verified())


def verifications_of(source: Source, asset_keys: Sequence[int], seq: int | None = None) -> dict[int, Verified]:
    """Returns what the verifications of pools show, by key; a pool without one is left out."""
    moment = EVER if seq is None else seq
    columns = read_columns(source, _PLANS, {"keys": list(asset_keys), "seq": moment})
    answers = _answers_of(source, columns["record_key"].tolist(), moment)
    plans: dict[int, list[tuple[int, str]]] = {}
    rows = zip(columns["asset_key"].tolist(), columns["record_key"].tolist(), columns["document"], strict=True)
    for asset_key, key, document in rows:
        plans.setdefault(asset_key, []).append((key, document))
    return {asset_key: _verified(own, answers) for asset_key, own in plans.items()}


def _verified(plans: Sequence[tuple[int, str]], answers: Mapping[int, Sequence[RecordedAnswer]]) -> Verified:
    """Returns what the verifications of a pool show; ``plans`` are their keys and documents, oldest first."""
    recorded = sorted((one for key, _ in plans for one in answers[key]), key=itemgetter(0))
    denied = [InvoiceScope(debtor, (number,)) for debtor, number in denied_invoices(one for _, one in recorded)]
    least: list[float] = []
    for key, document in reversed(plans):
        plan, in_force = from_document(Plan, document), answers_in_force(one for _, one in answers[key])
        share = misstated_share(plan, in_force)
        if share is not None:
            was_denied = bool(denied_invoices(one for at, one in recorded if at >= answers[key][0][0]))
            return Verified(share, day_of(plan.day), max(least, default=nan), denied, was_denied)
        if (bound := least_misstated_share(plan, in_force)) is not None:
            least.append(bound)
    return Verified(least_share=max(least, default=nan), denied=denied, was_denied=bool(denied))


_PLANS = (
    select(VerificationRow.asset_key, VerificationRow.record_key, VerificationRow.document)
    .where(is_one_of(VerificationRow.asset_key, KEYS), VerificationRow.seq <= bindparam("seq"))
    .order_by(VerificationRow.record_key)
)
