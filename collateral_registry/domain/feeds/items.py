"""Items of a feed in columns, and what is kept of an item that was not booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from collateral_registry.domain.shared.quantities import MILLION
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CLOCK_TOLERANCE_US = 5 * 60 * MILLION
"""Five minutes, by which a partner's clock may be ahead."""


NOT_STATED = -(2**63)
"""Marks the amount or quantity of a correction that states none. It is out of the range of both, so it is rejected."""


class RejectionState(IntEnum):
    """State of a rejected item; the numeric values are stored and sent."""

    OPEN = 1
    BOOKED = 2
    DISMISSED = 3
    REPEATED = 4
    """The same item was rejected before; it is not listed again."""


class ItemProblem(NamedTuple):
    """Why an item was not booked. The numeric value of ``reason`` is stored and sent."""

    reason: IntEnum
    description: str


Problems = dict[int, ItemProblem]
"""The first problem of each row that has one, by row number."""


class Items:
    """Base of the items [n] of a feed in columns. A subclass is a frozen dataclass with one field per column.

    Its first column holds the partner's own id of each item, which no other item of the feed has.
    """

    @classmethod
    def column_names(cls) -> tuple[str, ...]:
        """Returns the names of the columns in their order."""
        return tuple(column.name for column in fields(_as_dataclass(cls)))

    def __post_init__(self) -> None:
        """Raises InvalidInput unless all columns have the same length."""
        count, names = len(self), self.column_names()
        for name in names:
            length = len(getattr(self, name))
            if length != count:
                want = f"{count}, one for each {names[0].replace('_', ' ')}"
                raise InvalidInput(f"batch.{name}", f"{length} rows", want)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> Sequence[str]:
        """The partner's own id of each item."""
        ids: Sequence[str] = getattr(self, self.column_names()[0])
        return ids

    def item(self, row: int) -> dict[str, str | int]:
        """Returns a row as a dict of field values."""
        return {name: getattr(self, name)[row] for name in self.column_names()}


ItemsT = TypeVar("ItemsT", bound=Items)


def item_of(kind: type[ItemsT], item: Mapping[str, str | int]) -> ItemsT:
    """Builds a batch of one item from the result of :meth:`Items.item`."""
    columns: dict[str, Any] = {name: [value] for name, value in item.items()}
    return kind(**columns)


def joined(batches: Sequence[ItemsT]) -> ItemsT:
    """Concatenates batches in their order."""
    if len(batches) == 1:
        return batches[0]
    kind = type(batches[0])
    columns = {name: list(chain.from_iterable(getattr(one, name) for one in batches)) for name in kind.column_names()}
    return kind(**columns)


def _as_dataclass(kind: type) -> type[DataclassInstance]:
    return kind
