"""Units of goods: names, spellings, exact sizes, and what a word such as ``ton`` means for a good.

The units are data: ``trade_units.toml``. The rules are in docs/units.md. A stated unit is resolved once, where it
enters, by :func:`unit_of`; stored rows and everything computed from them hold the unit's name.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from valuation.errors import InvalidInput

SPELLING_LIMIT_CHARACTERS = 40
OWN_SPELLINGS_LIMIT = 100
"""Largest number of own spellings of a feed or a price series."""

COUNTS = frozenset({"count", "drum"})
"""Dimensions of goods that are counted, and of which there are no parts."""

PIECE_STEP = Decimal(1)
MEASURE_STEP = Decimal("0.001")
"""Step to which proposed quantities in a unit of weight, volume or energy are rounded up."""

UnitsBySpelling = Mapping[str, str]
"""Names of units by spelling in the form of :func:`spelling_key`."""

NO_SPELLINGS: UnitsBySpelling = {}


@dataclass(frozen=True)
class Unit:
    """A unit with its dimension and its exact size in the base unit of the dimension."""

    name: str
    title: str
    dimension: str
    size: Fraction


@dataclass(frozen=True)
class AmbiguousWord:
    """A word with several meanings, which are names of units, and its meaning for some groups of goods."""

    meanings: tuple[str, ...]
    convention: Mapping[str, str]


@dataclass(frozen=True)
class _Registry:
    """The units by name, the unit of each spelling, the ambiguous words, and the groups of goods.

    ``recorded`` holds what earlier versions stored and computed with, where the word is now refused.
    """

    units: Mapping[str, Unit]
    spellings: UnitsBySpelling
    words: Mapping[str, AmbiguousWord]
    group_of_good: Mapping[str, str]
    group_of_class: Mapping[str, str]
    recorded: Mapping[str, str]


def spelling_key(spelling: str) -> str:
    """Returns a spelling in the form in which spellings are compared.

    Case, points, and the difference between space, hyphen and underscore are ignored. A single letter keeps its case,
    because ``t``, ``g`` and ``l`` are units and ``T`` and ``G`` are not.
    """
    text = unicodedata.normalize("NFKC", spelling).replace(".", "").replace("_", " ").replace("-", " ")
    text = " ".join(text.split())
    return text.casefold() if len(text) > 1 else text


@cache
def _registry() -> _Registry:
    data = tomllib.loads(files(__package__).joinpath("trade_units.toml").read_text("utf-8"))
    units = {one["name"]: _unit(one) for one in data["unit"]}
    spellings = {spelling_key(text): one["name"] for one in data["unit"] for text in (one["name"], *one["spellings"])}
    words = {spelling_key(text): _word(one) for one in data["word"] for text in one["spellings"]}
    group_of_good = {good: one["group"] for one in data["goods"] for good in one["ids"]}
    group_of_class = {one["asset_class"]: one["group"] for one in data["goods"] if "asset_class" in one}
    return _Registry(units, spellings, words, group_of_good, group_of_class, data["recorded"])


def _unit(entry: Mapping[str, Any]) -> Unit:
    return Unit(entry["name"], entry["title"], entry["dimension"], Fraction(entry["size"]))


def _word(entry: Mapping[str, Any]) -> AmbiguousWord:
    return AmbiguousWord(tuple(entry["meanings"]), entry.get("convention", {}))


def units() -> Mapping[str, Unit]:
    """Returns every unit by its name."""
    return _registry().units


def unit_of(
    field: str, spelling: str, good: str = "", asset_class: str = "", own: UnitsBySpelling = NO_SPELLINGS
) -> str:
    """Returns the name of the unit that a spelling stands for.

    ``own`` are spellings of the feed or the price series. They decide a word that the registry does not know, or knows
    with several meanings. Otherwise the convention of the good decides such a word, and if the good is in no group of
    the registry, that of its asset class. Raises InvalidInput with the choices if nothing decides.
    """
    text, registry = spelling_key(checked_spelling(field, spelling)), _registry()
    name = registry.spellings.get(text) or own.get(text)
    if name is not None:
        return name
    word = registry.words.get(text)
    if word is None:
        raise InvalidInput(field, repr(spelling), _known_units(text))
    group = registry.group_of_good.get(good) or _group_of_class(asset_class)
    if group in word.convention:
        return word.convention[group]
    choices = ", ".join(f"{name} ({registry.units[name].title})" for name in word.meanings)
    raise InvalidInput(field, repr(spelling), f"one of {choices}")


def _group_of_class(asset_class: str) -> str:
    groups = _registry().group_of_class
    return next((groups[one] for one in groups if asset_class == one or asset_class.startswith(f"{one}.")), "")


def _known_units(text: str) -> str:
    """Returns what is wanted in place of a word that the registry does not know."""
    registry = _registry()
    if len(text) == 1 and (name := registry.spellings.get(text.casefold())) is not None:
        return f"{name} ({registry.units[name].title}); a single letter is read in its case"
    return f"one of {', '.join(registry.units)}, or another spelling of docs/units.md"


def checked_spelling(field: str, spelling: str) -> str:
    """Returns a stated unit unchanged; raises InvalidInput if it is empty, too long or not printable."""
    if not spelling.strip():
        raise InvalidInput(field, "nothing", "a unit such as t, kg, lb, bbl, oz_t or piece")
    if len(spelling) > SPELLING_LIMIT_CHARACTERS or not spelling.isprintable():
        want = f"a unit such as t, in at most {SPELLING_LIMIT_CHARACTERS} printable characters"
        raise InvalidInput(field, repr(spelling[:SPELLING_LIMIT_CHARACTERS]), want)
    return spelling


@lru_cache(4096)
def is_known(spelling: str) -> bool:
    """Returns whether the registry knows a spelling with one meaning."""
    return spelling_key(spelling) in _registry().spellings


def has_meaning(spelling: str, own: UnitsBySpelling = NO_SPELLINGS) -> bool:
    """Returns whether a spelling has a meaning for some good."""
    text, registry = spelling_key(spelling), _registry()
    return text in registry.spellings or text in own or text in registry.words


@lru_cache(4096)
def recorded_unit(spelling: str, good: str = "", asset_class: str = "") -> str:
    """Returns the name of a unit in a stored row.

    Earlier versions stored spellings as they were stated. A word that is now refused keeps the meaning with which it
    was computed. Any other word is a unit of its own, which converts to no other unit.
    """
    registry = _registry()
    if spelling in registry.units:
        return spelling
    try:
        return unit_of("unit", spelling, good, asset_class)
    except InvalidInput:
        return registry.recorded.get(spelling, spelling)


def checked_own_spellings(field: str, spellings: Mapping[str, str]) -> dict[str, str]:
    """Returns own spellings with the names of their units.

    Raises InvalidInput if there are too many, a unit is unknown or ambiguous, a spelling has another meaning in the
    registry, or two spellings differ in case or separators only and have different units.
    """
    if len(spellings) > OWN_SPELLINGS_LIMIT:
        raise InvalidInput(field, f"{len(spellings)} spellings", f"at most {OWN_SPELLINGS_LIMIT}")
    named: dict[str, str] = {}
    for spelling, unit in spellings.items():
        at = f"{field}[{spelling[:SPELLING_LIMIT_CHARACTERS]}]"
        named[checked_spelling(at, spelling)] = name = unit_of(at, unit)
        known = _registry().spellings.get(spelling_key(spelling), name)
        if known != name:
            raise InvalidInput(at, repr(unit), f"{known}, which every feed and series means by {spelling!r}")
    if len(set(map(spelling_key, named))) < len(set(zip(map(spelling_key, named), named.values(), strict=True))):
        raise InvalidInput(field, ", ".join(named), "one unit for spellings that differ in case or separators only")
    return named


def own_units(spellings: Mapping[str, str]) -> UnitsBySpelling:
    """Returns the units of own spellings in the form in which :func:`unit_of` reads them."""
    return {spelling_key(spelling): unit for spelling, unit in spellings.items()}


@lru_cache(4096)
def conversion_factor(unit: str, into: str) -> Fraction:
    """Returns how many ``into`` equal one ``unit``; raises InvalidInput for units of different dimensions."""
    if unit == into:
        return Fraction(1)
    one, other = units().get(unit), units().get(into)
    if one is None or other is None or one.dimension != other.dimension:
        raise InvalidInput("unit", repr(unit), f"a unit that converts to {into}")
    return one.size / other.size


def alike(unit: str, other: str) -> bool:
    """Returns whether two units convert to each other, for example if both measure weight, volume or pieces."""
    try:
        conversion_factor(unit, other)
    except InvalidInput:
        return False
    return True


def smallest_step(unit: str) -> Decimal:
    """Returns the step to which proposed quantities in a unit are rounded up."""
    known = units().get(unit)
    return PIECE_STEP if known is not None and known.dimension in COUNTS else MEASURE_STEP
