"""Explains the difference of two statements of a borrowing base, step by step (docs/receivables.md).

The walk starts from the submitted statement and replaces one term after the other by the recomputed one, in the order
in which a base is computed. Each step is the change of the base by its term, so that the steps sum to the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from collateral_registry.domain.borrowing_base.base import ClassAmount, under_sublimits
from valuation.errors import InvalidInput
from valuation.money import PPM


class WalkTerm(IntEnum):
    """A term of a statement, in the order of the walk; the numeric values are stored."""

    GROSS = 1
    EXCLUSION = 2
    RATE = 3
    SUBLIMITS = 4
    RESERVES = 5


@dataclass(frozen=True)
class ClassStatement:
    """An asset class as stated: gross amount, what each rule excludes, the rate on the rest, and its sublimits.

    ``lends_minor`` is what a recomputed class lends, of which the rate is rounded.
    """

    gross_minor: int = 0
    excluded_minor: Mapping[str, int] = field(default_factory=dict)
    rate_ppm: int = 0
    limit_minor: int | None = None
    share_ppm: int = PPM
    lends_minor: int | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative amount, or a rate outside 0 to 1."""
        for name, amount in (("gross_minor", self.gross_minor), *self.excluded_minor.items()):
            if amount < 0:
                raise InvalidInput(name, amount, "0 or more")
        if not 0 <= self.rate_ppm <= PPM:
            raise InvalidInput("rate_ppm", self.rate_ppm, f"0 to {PPM}")

    @property
    def amount_minor(self) -> int:
        """What the class lends before sublimits, rounded down."""
        return self.rest_minor * self.rate_ppm // PPM if self.lends_minor is None else self.lends_minor

    @property
    def rest_minor(self) -> int:
        """What the rules leave of the gross amount."""
        return max(self.gross_minor - sum(self.excluded_minor.values()), 0)


@dataclass(frozen=True)
class Statement:
    """A borrowing base as stated: its classes by name, and the sum of its reserves."""

    classes: Mapping[str, ClassStatement]
    reserves_minor: int = 0

    @property
    def base_minor(self) -> int:
        """What may be owed by this statement, at least 0."""
        amounts = [
            ClassAmount(name, one.amount_minor, one.limit_minor, one.share_ppm) for name, one in self.classes.items()
        ]
        return max(sum(under_sublimits(amounts)) - self.reserves_minor, 0)


@dataclass(frozen=True)
class WalkStep:
    """The change of the base by one term; ``class_name`` and ``rule`` are empty where the term has none."""

    term: WalkTerm
    class_name: str
    rule: str
    change_minor: int


def walk(submitted: Statement, recomputed: Statement) -> tuple[WalkStep, ...]:
    """Returns a step for each term in which the statements differ; the changes sum to the difference of the bases.

    A class or a rule that one statement does not name is 0 there.
    """
    now, end = _with_terms_of(submitted, recomputed), _with_terms_of(recomputed, submitted)
    steps = []
    for term, class_name, rule, after in _replacements(now, end):
        change = after.base_minor - now.base_minor
        if change or _is_stated_otherwise(term, class_name, now, after):
            steps.append(WalkStep(term, class_name, rule, change))
        now = after
    return tuple(steps)


def _is_stated_otherwise(term: WalkTerm, class_name: str, now: Statement, after: Statement) -> bool:
    """Returns whether two statements differ in a term; of a rate, what a class lends by it is no term."""
    if term is WalkTerm.RATE:
        return now.classes[class_name].rate_ppm != after.classes[class_name].rate_ppm
    return now != after


def _with_terms_of(statement: Statement, other: Statement) -> Statement:
    """Returns the statement with every class and rule that the other names."""
    classes = {}
    for name in {**statement.classes, **other.classes}:
        one = statement.classes.get(name, ClassStatement())
        rules = {**one.excluded_minor, **(other.classes[name].excluded_minor if name in other.classes else {})}
        classes[name] = replace(one, excluded_minor={rule: one.excluded_minor.get(rule, 0) for rule in rules})
    return replace(statement, classes=classes)


def _replacements(now: Statement, end: Statement) -> Iterator[tuple[WalkTerm, str, str, Statement]]:
    """Yields each term with the statement in which it and the terms before it are replaced, in the order of ``end``."""
    for name, target in end.classes.items():
        for term, rule, one in _class_replacements(now.classes[name], target):
            now = replace(now, classes={**now.classes, name: one})
            yield term, name, rule, now
    now = replace(now, classes=end.classes)
    yield WalkTerm.SUBLIMITS, "", "", now
    yield WalkTerm.RESERVES, "", "", replace(now, reserves_minor=end.reserves_minor)


def _class_replacements(one: ClassStatement, end: ClassStatement) -> Iterator[tuple[WalkTerm, str, ClassStatement]]:
    one = replace(one, gross_minor=end.gross_minor, lends_minor=None)
    yield WalkTerm.GROSS, "", one
    for rule, amount in end.excluded_minor.items():
        one = replace(one, excluded_minor={**one.excluded_minor, rule: amount})
        yield WalkTerm.EXCLUSION, rule, one
    yield WalkTerm.RATE, "", replace(one, rate_ppm=end.rate_ppm, lends_minor=end.lends_minor)
