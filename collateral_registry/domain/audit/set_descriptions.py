"""Sets of facts as an export describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from collateral_registry.domain.audit.canonical import Column, Kind, Shape
from collateral_registry.domain.audit.fault import decoded

Value = Any
"""A value of a row, as an export states it."""

_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.INTEGER: (int,),
    Kind.NUMBER: (float, int),
    Kind.TEXT: (str,),
    Kind.BYTES: (str,),
}
"""The types that values of a kind have in an export."""


@dataclass(frozen=True)
class SetDescription:
    """A set of facts as an export describes it."""

    shape: Shape
    seq: str
    run: str
    changes: bool
    order: tuple[str, ...]

    @staticmethod
    def of(stated: Mapping[str, Any]) -> SetDescription:
        """Returns the description that a header states; raises ValueError, TypeError or KeyError."""
        columns = tuple(Column(name, Kind(kind), bool(nullable)) for name, kind, nullable in stated["columns"])
        shape = Shape(stated["name"], columns)
        named = (stated["seq"], stated["run"], *stated["order"])
        if unknown := {*filter(None, named)} - set(shape_names(shape)):
            raise ValueError(f"the set {shape.name} has no columns {unknown}")
        return SetDescription(shape, stated["seq"], stated["run"], bool(stated["changes"]), tuple(stated["order"]))

    @property
    def name(self) -> str:
        """Name of the set."""
        return self.shape.name

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each column in a row."""
        return {name: place for place, name in enumerate(shape_names(self.shape))}

    @cached_property
    def _binary(self) -> tuple[int, ...]:
        """Places of the columns of bytes, which are texts in an export."""
        return tuple(place for place, one in enumerate(self.shape.columns) if one.kind is Kind.BYTES)

    @cached_property
    def _accepted(self) -> set[tuple[type, ...]]:
        """The types of the values of rows that were accepted before; rows have few different ones."""
        return set()

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row of a commit."""
        return tuple(name for name in self.order if name not in {self.seq, self.run}) or (self.seq,)

    def value(self, row: Sequence[Any], column: str) -> Value:
        """Returns the value of a column."""
        return row[self.places[column]]

    def described(self, row: Sequence[Any]) -> str:
        """Returns the key of a row as text."""
        return ", ".join(f"{name} {self.value(row, name)}" for name in self.key)

    def typed(self, row: Sequence[Any]) -> list[Any]:
        """Returns the values of a row for its digest; raises ValueError or TypeError for a value of another kind.

        The bytes of a digest alone would not show it: 5.5 in a column of integers has those of 5.
        """
        types = tuple(map(type, row))
        if types not in self._accepted:
            for one, value in zip(self.shape.columns, row, strict=True):
                if value is not None and type(value) not in _TYPES[one.kind]:
                    raise TypeError(f"{one.name}: got {str(value)[:40]!r}, want {one.kind}")
            self._accepted.add(types)
        values = list(row)
        for place in self._binary:
            values[place] = None if values[place] is None else decoded(values[place])
        return values


def shape_names(shape: Shape) -> list[str]:
    """Returns the names of the columns of a shape."""
    return [one.name for one in shape.columns]
