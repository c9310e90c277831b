"""What happens to the sample book in 2022 beside the prices: invented, and said to be so in every file."""

from __future__ import annotations

from dataclasses import dataclass

STALE_DAYS = (("platinum", "2022-08-15", "2022-09-02"),)
"""Stretches of days whose prices never arrive, so that the book shows what a stale price does."""

PATENT_STATUS: dict[str, str] = {}
"""Rights that are not in force on the opening day."""


@dataclass(frozen=True)
class TopUp:
    """A lot that a borrower brings during the year to cure a breach."""

    firm_key: str
    owner: str
    currency: str
    good: str
    kind: str
    quantity: str
    unit: str
    warehouse: str
    date: str

    def asset_row(self) -> dict[str, object]:
        """The lot."""
        return {
            "asset_id": f"lot-{self.firm_key}-top-up", "kind": "INVENTORY", "class": f"inventory.{self.kind}",
            "owner": self.owner, "currency": self.currency, "description": f"{self.good} brought in to cure",
            "good": self.good, "quantity": self.quantity, "unit": self.unit, "warehouse": self.warehouse,
            "lot": f"{self.firm_key[:3].upper()}-900", "insurance_expiry": "2023-06-30",
        }  # fmt: skip

    def pledge_row(self) -> dict[str, object]:
        """Its pledge, made on the day."""
        return {
            "pledge_id": f"top-up-{self.firm_key}", "loan": f"loan-{self.firm_key}", "asset": f"lot-{self.firm_key}-top-up",
            "rank": 1, "registry": "national notice registry", "registry_number": f"2022{self.date[5:7]}{self.date[8:]}",
            "registered": self.date, "expiry": "2026-12-15",
        }  # fmt: skip


TOP_UPS: tuple[TopUp, ...] = ()

TIMELINE: tuple[tuple[str, str, str, str, str], ...] = ()
