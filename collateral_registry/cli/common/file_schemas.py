"""Columns of the files whose names are fixed, and what their cells hold."""

from __future__ import annotations

from collections.abc import Mapping

from valuation.tables.schema import CellKind, Schema

Row = Mapping[str, str]
"""Cells of a row by column."""

TEXT, NUMBER, DATE, PAST_DATE = CellKind.TEXT, CellKind.NUMBER, CellKind.DATE, CellKind.PAST_DATE


def _filled(required: Mapping[str, CellKind], optional: Mapping[str, CellKind] | None = None) -> Schema:
    """Returns a schema whose required columns have no empty cells."""
    return Schema(required, optional or {}, filled=frozenset(required))


SCHEMAS: Mapping[str, Schema] = {
    "prices": Schema({"series": TEXT, "date": PAST_DATE, "price": NUMBER}),
    "fx": Schema({"base": TEXT, "quote": TEXT, "date": PAST_DATE, "rate": NUMBER}),
    "series": Schema(
        {"series": TEXT, "good": TEXT, "unit": TEXT, "currency": TEXT},
        {"kind": TEXT, "market": TEXT, "source": TEXT, "max_age_days": NUMBER, "unit_spellings": TEXT},
    ),
    "assets": Schema(
        {"asset_id": TEXT, "kind": TEXT, "class": TEXT, "owner": TEXT, "currency": TEXT},
        {
            "description": TEXT, "country_code": TEXT, "insurance_expiry": DATE, "last_inspection": DATE,
            "good": TEXT, "grade": TEXT, "series": TEXT, "quantity": NUMBER, "unit": TEXT, "warehouse": TEXT,
            "lot": TEXT, "receipt_number": TEXT, "bin": TEXT,
            "make": TEXT, "model": TEXT, "serial_number": TEXT, "built": DATE, "hours": NUMBER, "hours_date": DATE,
            "expected_hours_per_year": NUMBER, "condition": TEXT, "location": TEXT, "price_new": NUMBER,
            "equipment_class": TEXT, "schedule": TEXT, "price_index": TEXT, "price_new_date": DATE,
            "units_produced": NUMBER, "units_lifetime": NUMBER,
            "acquisition_cost": NUMBER, "acquisition_date": DATE, "book_schedule": TEXT,
            "right_kind": TEXT, "office": TEXT, "number": TEXT, "filed": DATE, "granted": DATE, "expires": DATE,
            "legal_status": TEXT, "next_year_revenue": NUMBER, "growth": NUMBER, "royalty_rate": NUMBER,
            "tax_rate": NUMBER, "discount_rate": NUMBER, "annual_survival": NUMBER, "technology_life_years": NUMBER,
            "technology_life_date": DATE, "amortisation_years": NUMBER, "legal_survival": NUMBER,
            "technical_survival": NUMBER, "commercial_survival": NUMBER,
            "debtor": TEXT, "invoice_number": TEXT, "face_amount": NUMBER, "issued": DATE, "due": DATE,
            "delivered": DATE, "type_code": NUMBER, "owner_debtor": TEXT, "invoice_feed": TEXT, "recourse": TEXT,
            "disclosure": TEXT, "collection_account": TEXT, "concentration_mode": TEXT,
            "buyer": TEXT, "order_number": TEXT, "order_amount": NUMBER, "supplier": TEXT,
        },
    ),
    "loans": Schema(
        {"loan_id": TEXT, "borrower": TEXT, "currency": TEXT, "principal": NUMBER, "as_of": DATE},
        {
            "accrued_interest": NUMBER, "fees": NUMBER, "credit_limit": NUMBER, "ltv_basis": TEXT, "watch": NUMBER,
            "margin_call": NUMBER, "stop_draw": NUMBER, "liquidation": NUMBER, "maturity": DATE, "base_block": NUMBER,
            "base_sublimits": TEXT,
        },
    ),
    "pledges": Schema(
        {"pledge_id": TEXT, "loan": TEXT, "asset": TEXT},
        {
            "rank": NUMBER, "share": NUMBER, "limit": NUMBER, "mode": TEXT, "registry": TEXT, "registry_number": TEXT,
            "registered": DATE, "expiry": DATE,
        },
    ),
    "debtors": Schema(
        {"debtor_id": TEXT, "name": TEXT},
        {
            "aliases": TEXT, "lei": TEXT, "uscc": TEXT, "vat": TEXT, "country": TEXT, "parent": TEXT,
            "independent": TEXT, "kind": TEXT, "core_firm": TEXT, "state": TEXT, "pd": NUMBER, "pd_source": TEXT,
            "pd_date": PAST_DATE, "line": NUMBER, "currency": TEXT, "line_expiry": DATE, "usual_terms_days": NUMBER,
        },
    ),
    "limits": Schema(
        {"pool": TEXT, "debtor": TEXT, "kind": TEXT, "amount": NUMBER, "currency": TEXT, "actor": TEXT, "reason": TEXT},
        {"expiry": DATE, "insurer": TEXT, "policy_number": TEXT, "document": TEXT},
    ),
    "answers": Schema(
        {"debtor": TEXT, "invoice": TEXT, "outcome": TEXT},
        {"confirmed": NUMBER, "currency": TEXT, "proof": TEXT, "document": TEXT},
    ),
    "realised": _filled({"asset": TEXT, "date": PAST_DATE, "price": NUMBER, "currency": TEXT}, {"basis": TEXT}),
    "renewal": Schema({"id": TEXT, "years_paid": NUMBER, "lapsed": TEXT}),
    "yearly_fees": Schema({"year": NUMBER, "fee": NUMBER}),
    "invoices": Schema(
        {"entry": TEXT, "time": TEXT, "pool": TEXT, "kind": TEXT, "debtor": TEXT},
        {
            "number": TEXT, "type": NUMBER, "issued": DATE, "due": DATE, "delivered": DATE, "amount": NUMBER,
            "currency": TEXT,
        },
    ),
    "assignments": Schema(
        {"date": DATE, "pool": TEXT, "event": TEXT},
        {"debtor": TEXT, "registry": TEXT, "registry_number": TEXT, "expiry": DATE},
    ),
    "timeline": Schema({"date": DATE, "action": TEXT, "target": TEXT, "value": TEXT, "note": TEXT}),
}  # fmt: skip
