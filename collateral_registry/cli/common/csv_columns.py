"""Lists the required and optional columns of the CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Required and optional columns of one kind of file."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


COLUMNS: Mapping[str, Columns] = {
    "prices": Columns(("series", "date", "price")),
    "fx": Columns(("base", "quote", "date", "rate")),
    "series": Columns(
        ("series", "good", "unit", "currency"), ("kind", "market", "source", "max_age_days", "unit_spellings")
    ),
    "assets": Columns(
        ("asset_id", "kind", "class", "owner", "currency"),
        (
            "description", "insurance_expiry", "last_inspection",
            "good", "grade", "series", "quantity", "unit", "warehouse", "lot", "receipt_number", "bin",
            "make", "model", "serial_number", "built", "hours", "hours_date",
            "expected_hours_per_year", "condition", "location", "price_new",
            "equipment_class", "schedule", "price_index", "price_new_date", "units_produced", "units_lifetime",
            "acquisition_cost", "acquisition_date", "book_schedule",
            "right_kind", "office", "number", "filed", "granted", "expires", "legal_status", "next_year_revenue",
            "growth", "royalty_rate", "tax_rate", "discount_rate", "annual_survival", "technology_life_years",
            "technology_life_date", "amortisation_years", "legal_survival", "technical_survival", "commercial_survival",
            "debtor", "invoice_number", "face_amount", "issued", "due",
            "buyer", "order_number", "order_amount", "supplier",
        ),
    ),
    "loans": Columns(
        ("loan_id", "borrower", "currency", "principal", "as_of"),
        (
            "accrued_interest", "fees", "credit_limit", "ltv_basis", "watch", "margin_call", "stop_draw",
            "liquidation", "maturity",
        ),
    ),
    "pledges": Columns(
        ("pledge_id", "loan", "asset"),
        ("rank", "share", "limit", "mode", "registry", "registry_number", "registered", "expiry"),
    ),
    "stock": Columns(
        ("movement", "kind", "time", "warehouse", "lot", "quantity"),
        ("good", "unit", "bin", "to_warehouse", "to_lot", "to_bin", "grade", "corrects", "document"),
    ),
    "count": Columns(("lot", "good", "unit", "quantity")),
    "realised": Columns(("asset", "date", "price", "currency"), ("basis",)),
    "renewal": Columns(("id", "years_paid", "lapsed")),
    "yearly_fees": Columns(("year", "fee")),
    "timeline": Columns(("date", "action", "target", "value", "note")),
}  # fmt: skip


def check_header(file_kind: str, header: Sequence[str]) -> None:
    """Raises ValueError if a required column is missing, or a column is unknown or repeated."""
    columns = COLUMNS[file_kind]
    known = columns.required + columns.optional
    for name in columns.required:
        if name not in header:
            raise ValueError(f"header: got no column {name!r}, want {', '.join(columns.required)}")
    for name in header:
        if name not in known:
            raise ValueError(f"header: got column {name[:40]!r}, want only {', '.join(known)}")
        if header.count(name) > 1:
            raise ValueError(f"header: got column {name!r} twice, want it once")
