"""Invented events of the sample book in 2022; every generated file states that they are invented."""

from __future__ import annotations

from dataclasses import dataclass

STALE_DAYS = (("platinum", "2022-08-15", "2022-09-02"),)
"""Periods without prices (series, first day, last day), which show the effect of a stale price."""

PATENT_STATUS: dict[str, str] = {}
"""Legal status of IP assets that are not in force on the opening day."""


@dataclass(frozen=True)
class TopUp:
    """Lot that a borrower adds during the year to cure a breach."""

    firm_key: str
    owner: str
    currency: str
    good: str
    kind: str
    quantity: str
    unit: str
    warehouse: str
    country: str
    date: str

    def asset_row(self) -> dict[str, object]:
        """Returns the row of the lot."""
        return {
            "asset_id": f"lot-{self.firm_key}-top-up", "kind": "INVENTORY", "class": f"inventory.{self.kind}",
            "owner": self.owner, "currency": self.currency, "description": f"{self.good} brought in to cure",
            "good": self.good, "quantity": self.quantity, "unit": self.unit, "warehouse": self.warehouse, "country_code": self.country,
            "lot": f"{self.firm_key[:3].upper()}-900", "insurance_expiry": "2023-06-30",
        }  # fmt: skip

    def pledge_row(self) -> dict[str, object]:
        """Returns the row of its pledge, registered on the same date."""
        return {
            "pledge_id": f"top-up-{self.firm_key}", "loan": f"loan-{self.firm_key}", "asset": f"lot-{self.firm_key}-top-up",
            "rank": 1, "registry": "national notice registry", "registry_number": f"2022{self.date[5:7]}{self.date[8:]}",
            "registered": self.date, "expiry": "2026-12-15",
        }  # fmt: skip


TOP_UPS = (
    TopUp(
        "cobre-andino", "Cobre Andino SAC", "USD", "copper", "base_metal", "70", "t", "Callao Norte", "PE", "2022-07-14"
    ),
)

NEVER_INSPECTED = ("eq-eisenwerk-1", "eq-eisenwerk-2", "eq-eisenwerk-3")
"""Machines without a yearly inspection."""

EVENTS = (
    ("2022-01-10", "rent", "loan-meridian-parts", "9000", "three months of rent for the yard of the lots"),
    ("2022-04-08", "certify", "loan-meridian-parts/march", "2022-03-31", "statement of the base at the end of March"),
    ("2022-04-12", "approve", "loan-meridian-parts/march", "720000", "the disputes may grow; confirm them by May"),
    ("2022-04-29", "draw", "loan-golden-ear", "1100000", "draw at the corn peak"),
    ("2022-05-17", "draw", "loan-red-prairie", "1000000", "draw at the wheat peak"),
    ("2022-06-08", "draw", "loan-blue-fuel", "1500000", "draw at the fuel peak"),
    ("2022-06-23", "acknowledge", "loan-cobre-andino-2", "", "borrower called"),
    ("2022-07-14", "pledge", "top-up-cobre-andino", "", "70 t of copper brought in"),
    ("2022-07-18", "repay", "loan-harbour-metals", "250000", "paid within the grace days"),
    ("2022-07-19", "repay", "loan-red-prairie", "700000", "sold flour forward"),
    ("2022-07-20", "repay", "loan-cobre-andino-2", "45000", "a part of the cure"),
    ("2022-07-22", "repay", "loan-golden-ear", "700000", "sold a part of the crop forward"),
    ("2022-08-01", "quantity", "lot-danube-grain-2", "2600", "grain delivered to a mill"),
    ("2022-09-01", "status", "ip-membranex-1", "LAPSED", "renewal fee not paid"),
    ("2022-09-05", "repay", "loan-latex-works-2", "30000", "paid"),
    ("2022-09-06", "repay", "loan-membranex", "150000", "paid after the patent lapsed"),
    ("2022-09-27", "insure", "lot-latex-works-1", "2023-09-15", "policy renewed late"),
    ("2022-09-27", "insure", "lot-latex-works-2", "2023-09-15", "policy renewed late"),
    ("2022-09-28", "repay", "loan-meridian-parts", "22000", "paid"),
    ("2022-10-06", "repay", "loan-blue-fuel", "1000000", "paid from a cargo"),
    ("2022-10-06", "repay", "loan-latex-works-2", "55000", "paid with sales of latex"),
    ("2022-11-03", "repay", "loan-meridian-parts", "25000", "paid when invoices of a slow debtor no longer counted"),
    ("2022-11-14", "register", "loans/loan-vial-norte/pledges/p-2", "2027-10-31", "notice renewed late"),
    ("2022-12-13", "acknowledge", "loan-eisenwerk", "", "appraiser ordered"),
)
"""Events by date: date, action, target, value, note."""

STATEMENT = (
    ("receivable", "gross", "258420.00"),
    ("receivable", "CONCENTRATION", "72000.00"),
    ("receivable", "rate", "0.85"),
    ("inventory", "gross", "735000.00"),
    ("inventory", "rate", "0.715"),
    ("equipment", "gross", "126000.00"),
    ("equipment", "rate", "0.6"),
    ("equipment", "share_limit", "0.25"),
    ("", "reserves", "9000.00"),
)
"""What the borrower of a loan with a base states at the end of March: it leaves out the disputed invoices."""
