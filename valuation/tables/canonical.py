"""Result of reading the cells of a column as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Canonical:
    """The cells [n] of a column in one form, and the reasons why cells were refused, by their index.

    Empty cells stay empty, and refused cells become empty.
    """

    cells: list[str]
    wrong: dict[int, str] = field(default_factory=dict)


class UndecidedColumn(ValueError):
    """Error for a column whose format has two readings; ``at`` is the index of a cell that shows it."""

    def __init__(self, at: int, got: str, want: str) -> None:
        super().__init__(f"got {got}, want {want}")
        self.at = at
        self.got = got
        self.want = want
