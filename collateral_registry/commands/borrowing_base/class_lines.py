"""Divides the classes of a recorded base into lines: the rules of pools by their statements, and what claims lend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from collateral_registry.commands.borrowing_base.bases import RecordedBase, RecordedClaim
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.borrowing_base.class_lines import (
    Cause,
    ClaimLine,
    ClassLine,
    ClassStep,
    Lending,
    PoolShare,
    class_lines,
    lending_lines,
    market_lines,
)
from collateral_registry.domain.receivables.pool_statement import PoolStatement, RuleSum
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.receivables.rule_sentences import sentence_of
from collateral_registry.store.book.policies import policy_by_key
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.pool_statements import statements_as_of
from valuation.receivables.rules import Rule

ClassLines = Mapping[str, tuple[ClassLine, ...]]
"""Lines by the class of the base; those of a class sum to what its claims lend."""


def lines_of_classes(connection: Connection, found: RecordedBase) -> ClassLines:
    """Returns the lines of every class of a base, by what was recorded as of its moment."""
    reader = _Reader(connection, found)
    terms = found.loan.base_terms
    lines: dict[str, list[ClaimLine]] = {one.name: [] for one in found.base.classes}
    for claim in _by_asset(found.claims):
        name = terms.class_of(claim.asset.asset_class) if terms else claim.asset.asset_class
        lines.setdefault(name, []).extend(reader.lines_of(claim))
    return {name: class_lines(one) for name, one in lines.items()}


def _by_asset(claims: Iterable[RecordedClaim]) -> Iterable[RecordedClaim]:
    """Returns one claim for each asset: that of all pledges of the asset to the loan."""
    found: dict[int, RecordedClaim] = {}
    for one in claims:
        same = found.setdefault(one.asset_key, replace(one, market_minor=0, lendable_minor=0))
        market, lendable = same.market_minor + one.market_minor, same.lendable_minor + one.lendable_minor
        found[one.asset_key] = replace(same, market_minor=market, lendable_minor=lendable)
    return found.values()


class _Reader:
    """Reads what the claims of one base were made of: their statements at once, and each policy once."""

    def __init__(self, connection: Connection, found: RecordedBase) -> None:
        self._connection, self._found = connection, found
        self._statements = statements_as_of(connection, [one.asset_key for one in found.claims], found.seq)
        self._policies: dict[int, Policy] = {}
        # Claims on unknown assets are recorded as 0. If there are no other claims of 0, each of these is unknown.
        without_value = sum(one.market_minor == 0 for one in found.claims)
        self._zero_is_unknown = without_value == found.judgement["unknown_assets"]

    def lines_of(self, claim: RecordedClaim) -> tuple[ClaimLine, ...]:
        """Returns the lines of a claim: those of a pool by its statement, else from its market value.

        A pool in another currency than the loan's is shown by its market value, because its rules are in its own.
        """
        stored = self._statements.get(claim.asset_key)
        if stored is None or claim.asset.currency != self._found.loan.currency:
            return market_lines(claim.market_minor, claim.lendable_minor)
        asset_id, pool = claim.asset.asset_id, stored.statement
        numbers = self._policy(stored.policy_key).receivable_numbers(claim.asset.asset_class)
        lending = Lending(pool.eligible_minor, pool.recoverable_minor, pool.lendable_minor, claim.lendable_minor)
        is_unknown = self._zero_is_unknown and claim.market_minor == 0 and pool.recoverable_minor > 0
        return (
            ClaimLine(Cause(ClassStep.GROSS), PoolShare(asset_id, pool.open_minor)),
            *_rule_lines(asset_id, pool, numbers),
            *lending_lines(asset_id, lending, is_unknown=is_unknown),
        )

    def _policy(self, key: int) -> Policy:
        if key not in self._policies:
            self._policies[key] = policy_by_key(self._connection, key).policy
        return self._policies[key]


def _rule_lines(asset_id: str, pool: PoolStatement, numbers: ReceivableNumbers) -> Iterator[ClaimLine]:
    taken: tuple[tuple[ClassStep, Mapping[Rule, RuleSum]], ...] = (
        (ClassStep.EXCLUSION, pool.excluded),
        (ClassStep.UNKNOWN, pool.unknown),
    )
    for step, sums in taken:
        for rule, one in sums.items():
            sentence = sentence_of(rule, numbers)
            cause = Cause(step, int(rule), sentence.english, sentence.chinese)
            yield ClaimLine(cause, PoolShare(asset_id, -one.amount_minor, one.invoices))
