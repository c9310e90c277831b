"""Rows of CSV files as messages."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TextIO

from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.v1 import asset_pb2, loan_pb2, price_pb2

Row = Mapping[str, str]

KIND_FIELDS = {
    "INVENTORY": "inventory",
    "EQUIPMENT": "equipment",
    "INTELLECTUAL_PROPERTY": "intellectual_property",
    "RECEIVABLE": "receivable",
    "PURCHASE_ORDER": "purchase_order",
}


@dataclass(frozen=True)
class NumberedRow:
    """A row with its line number in the file."""

    line: int
    values: Row


def read_rows(file: TextIO) -> Iterator[NumberedRow]:
    """The rows of a CSV file after its header; lines that begin with # are comments."""
    lines = [(number, line) for number, line in enumerate(file, start=1) if not line.startswith("#")]
    reader = csv.DictReader(line for _, line in lines)
    for row in reader:
        number = lines[min(reader.line_num, len(lines)) - 1][0]
        yield NumberedRow(number, {key: (value or "").strip() for key, value in row.items() if key})


def _date(row: Row, column: str) -> Date | None:
    text = row.get(column, "")
    if not text:
        return None
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ValueError(f"{column}: got {text!r}, want a date such as 2022-07-01")
    return Date(year=int(parts[0]), month=int(parts[1]), day=int(parts[2]))


def _decimal(row: Row, column: str) -> DecimalMessage | None:
    return DecimalMessage(value=row[column]) if row.get(column) else None


def money(text: str, currency: str, column: str) -> Money | None:
    """An amount in plain digits as a message; none for nothing."""
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{column}: got {text!r}, want an amount such as 1200.50") from None
    if not amount.is_finite() or abs(amount) >= Decimal(2) ** 63:
        raise ValueError(f"{column}: got {text!r}, want a finite amount")
    units = int(amount)
    nanos = int((amount - units) * 1_000_000_000)
    return Money(currency_code=currency, units=units, nanos=nanos)


def _money(row: Row, column: str) -> Money | None:
    return money(row.get(column, ""), row.get("currency", ""), column)


def _member(
    enum: Any,  # noqa: ANN401 - generated enums
    prefix: str,
    row: Row,
    column: str,
) -> int:
    """The number of an enum's member named in a column; 0 for nothing."""
    name = row.get(column, "")
    if not name or name == "UNKNOWN":
        return 0
    names = enum.keys()
    if f"{prefix}_{name}" not in names:
        wanted = ", ".join(one.removeprefix(prefix + "_") for one in names if not one.endswith("UNSPECIFIED"))
        raise ValueError(f"{column}: got {name!r}, want one of {wanted}")
    return int(enum.Value(f"{prefix}_{name}"))


def price_observation(row: Row) -> price_pb2.PriceObservation:
    """series, date, price."""
    return price_pb2.PriceObservation(
        price_series=f"priceSeries/{row['series']}", date=_date(row, "date"), price=_decimal(row, "price")
    )


def fx_rate(row: Row) -> price_pb2.FxRate:
    """base, quote, date, rate."""
    return price_pb2.FxRate(
        base_currency_code=row["base"],
        quote_currency_code=row["quote"],
        date=_date(row, "date"),
        rate=_decimal(row, "rate"),
    )


def series_request(row: Row) -> price_pb2.CreatePriceSeriesRequest:
    """series, good, unit, currency, market, source, max_age_days."""
    series = price_pb2.PriceSeries(
        good=row["good"],
        unit=row["unit"],
        currency_code=row["currency"],
        market=row.get("market", ""),
        source=row.get("source", ""),
        max_age_days=int(row.get("max_age_days") or 0),
    )
    return price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id=row["series"])


def asset_request(row: Row) -> asset_pb2.CreateAssetRequest:
    """An asset of any kind; columns of other kinds stay empty."""
    if row["kind"] not in KIND_FIELDS:
        raise ValueError(f"kind: got {row['kind']!r}, want one of {', '.join(KIND_FIELDS)}")
    asset = asset_pb2.Asset(
        display_name=row.get("description", ""),
        owner=row["owner"],
        asset_class=row["class"],
        currency_code=row["currency"],
        insurance_expire_date=_date(row, "insurance_expiry"),
        last_inspection_date=_date(row, "last_inspection"),
    )
    getattr(asset, KIND_FIELDS[row["kind"]]).CopyFrom(DETAILS[row["kind"]](row))
    return asset_pb2.CreateAssetRequest(asset=asset, asset_id=row["asset_id"])


def _inventory(row: Row) -> asset_pb2.Inventory:
    return asset_pb2.Inventory(
        good=row["good"],
        grade=row.get("grade", ""),
        price_series=f"priceSeries/{row['series']}" if row.get("series") else "",
        quantity=_decimal(row, "quantity"),
        unit=row["unit"],
        warehouse=row["warehouse"],
        lot=row["lot"],
    )


def _equipment(row: Row) -> asset_pb2.Equipment:
    return asset_pb2.Equipment(
        make=row["make"],
        model=row.get("model", ""),
        serial_number=row["serial_number"],
        build_date=_date(row, "built"),
        price_new=_money(row, "price_new"),
        equipment_class=row["equipment_class"],
        schedule=_member(asset_pb2.DepreciationSchedule, "DEPRECIATION_SCHEDULE", row, "schedule"),
        hours=_decimal(row, "hours"),
        condition=_member(asset_pb2.Condition, "CONDITION", row, "condition"),
        location=row.get("location", ""),
    )


def _right(row: Row) -> asset_pb2.IntellectualProperty:
    return asset_pb2.IntellectualProperty(
        kind=_member(asset_pb2.RightKind, "RIGHT_KIND", row, "right_kind"),
        office=row["office"],
        number=row["number"],
        filing_date=_date(row, "filed"),
        grant_date=_date(row, "granted"),
        expire_date=_date(row, "expires"),
        legal_status=_member(asset_pb2.LegalStatus, "LEGAL_STATUS", row, "legal_status"),
        next_year_revenue=_money(row, "next_year_revenue"),
        growth=_decimal(row, "growth"),
        royalty_rate=_decimal(row, "royalty_rate"),
        tax_rate=_decimal(row, "tax_rate"),
        discount_rate=_decimal(row, "discount_rate"),
        annual_survival=_decimal(row, "annual_survival"),
        technology_life_years=_decimal(row, "technology_life_years"),
        amortisation_years=_decimal(row, "amortisation_years"),
    )


def _receivable(row: Row) -> asset_pb2.Receivable:
    return asset_pb2.Receivable(
        debtor=row["debtor"],
        invoice_number=row["invoice_number"],
        face_amount=_money(row, "face_amount"),
        issue_date=_date(row, "issued"),
        due_date=_date(row, "due"),
    )


def _order(row: Row) -> asset_pb2.PurchaseOrder:
    return asset_pb2.PurchaseOrder(
        buyer=row["supplier"],
        order_number=row["order_number"],
        order_amount=_money(row, "face_amount"),
        issue_date=_date(row, "issued"),
        due_date=_date(row, "due"),
    )


DETAILS: Mapping[str, Callable[[Row], object]] = {
    "INVENTORY": _inventory,
    "EQUIPMENT": _equipment,
    "INTELLECTUAL_PROPERTY": _right,
    "RECEIVABLE": _receivable,
    "PURCHASE_ORDER": _order,
}


def loan_request(row: Row) -> loan_pb2.CreateLoanRequest:
    """loan_id, borrower, currency, balance, terms; empty levels are the policy's."""
    from collateral_registry.v1 import common_pb2

    loan = loan_pb2.Loan(
        borrower=row["borrower"],
        currency_code=row["currency"],
        principal=_money(row, "principal"),
        accrued_interest=_money(row, "accrued_interest"),
        fees=_money(row, "fees"),
        balance_date=_date(row, "as_of"),
        credit_limit=_money(row, "credit_limit"),
        ltv_basis=_member(common_pb2.LtvBasis, "LTV_BASIS", row, "ltv_basis"),
        maturity_date=_date(row, "maturity"),
    )
    if row.get("margin_call"):
        for level in ("watch", "margin_call", "stop_draw", "liquidation"):
            getattr(loan.ltv_levels, level).value = row[level]
    return loan_pb2.CreateLoanRequest(loan=loan, loan_id=row["loan_id"])


def balance_update(row: Row) -> loan_pb2.BalanceUpdate:
    """The balance of a loan's row."""
    return loan_pb2.BalanceUpdate(
        loan=f"loans/{row['loan_id']}",
        principal=_money(row, "principal"),
        accrued_interest=_money(row, "accrued_interest"),
        fees=_money(row, "fees"),
        balance_date=_date(row, "as_of"),
    )


def pledge_request(row: Row, currency: str) -> loan_pb2.PledgeAssetRequest:
    """pledge_id, loan, asset, rank, share, limit, registration; the limit is in the loan's currency."""
    pledge = loan_pb2.Pledge(
        asset=f"assets/{row['asset']}",
        rank=int(row.get("rank") or 1),
        share=_decimal(row, "share"),
        limit=money(row.get("limit", ""), currency, "limit"),
        registry=row.get("registry", ""),
        registration_number=row.get("registry_number", ""),
        registration_date=_date(row, "registered"),
        registration_expire_date=_date(row, "expiry"),
    )
    return loan_pb2.PledgeAssetRequest(parent=f"loans/{row['loan']}", pledge=pledge, pledge_id=row["pledge_id"])


def batches(rows: Iterable[NumberedRow], size: int) -> Iterator[list[NumberedRow]]:
    """The rows in batches of at most ``size``."""
    batch: list[NumberedRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
