"""Roll-forward of a pool: whether the entries of a period lead from its opening to its closing amount."""

from __future__ import annotations

from dataclasses import dataclass

from valuation.errors import InvalidInput
from valuation.money import PPM


@dataclass(frozen=True)
class RollForward:
    """A period in minor units; ``corrections`` may be negative, and ``stated`` is the closing amount of the ledger."""

    opening: int
    sales: int
    debit_notes: int
    payments: int
    credit_notes: int
    write_offs: int
    corrections: int
    stated: int

    @property
    def closing(self) -> int:
        """The closing amount that follows from the entries."""
        added = self.sales + self.debit_notes + self.corrections
        return self.opening + added - self.payments - self.credit_notes - self.write_offs

    @property
    def gap(self) -> int:
        """The stated closing less the one that follows from the entries."""
        return self.stated - self.closing

    def unreconciled(self, tolerance_ppm: int) -> int:
        """Returns the amount that does not count while the gap exceeds its tolerance, a share of the stated closing.

        It is the whole gap, whatever its sign: either amount may be the wrong one. Raises InvalidInput for a tolerance
        outside 0 to 1.
        """
        if not 0 <= tolerance_ppm <= PPM:
            raise InvalidInput("tolerance_ppm", tolerance_ppm, f"0 to {PPM}")
        return abs(self.gap) if abs(self.gap) * PPM > self.stated * tolerance_ppm else 0
