"""Converts CSV rows to messages; raises ValueError for an invalid cell and KeyError for a missing column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.cli.common.csv_rows import Row
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.v1 import asset_pb2, common_pb2, loan_pb2, price_pb2

AMOUNT = re.compile(r"-?\d{1,18}(\.\d{1,9})?", re.ASCII)
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
KIND_FIELDS = {
    "INVENTORY": "inventory",
    "EQUIPMENT": "equipment",
    "INTELLECTUAL_PROPERTY": "intellectual_property",
    "RECEIVABLE": "receivable",
    "PURCHASE_ORDER": "purchase_order",
}


def _date(row: Row, column: str) -> Date | None:
    return date_message(column, row[column]) if row.get(column) else None


def _whole(row: Row, column: str, default: int) -> int:
    text = row.get(column, "")
    if text and not WHOLE.fullmatch(text):
        raise ValueError(f"{column}: got {text[:40]!r}, want a whole number of at most 9 digits")
    return int(text) if text else default


def _decimal(row: Row, column: str) -> DecimalMessage | None:
    return DecimalMessage(value=row[column]) if row.get(column) else None


def money(text: str, currency: str, column: str) -> Money | None:
    """Parses an amount in plain digits exactly; returns None for an empty text and raises ValueError if invalid."""
    if not text:
        return None
    if not AMOUNT.fullmatch(text):
        raise ValueError(
            f"{column}: got {text[:40]!r}, want an amount such as 1200.50, at most 18 digits and 9 decimals"
        )
    amount = Decimal(text)
    units = int(amount)
    return Money(currency_code=currency, units=units, nanos=int((amount - units).scaleb(9)))


def _money(row: Row, column: str) -> Money | None:
    return money(row.get(column, ""), row.get("currency", ""), column)


def _member(
    enum: EnumTypeWrapper,
    prefix: str,
    row: Row,
    column: str,
) -> int:
    """Returns the number of the enum member named in a column; 0 if the cell is empty or UNKNOWN."""
    name = row.get(column, "")
    if not name or name == "UNKNOWN":
        return 0
    names = enum.keys()
    if f"{prefix}_{name}" not in names:
        wanted = ", ".join(one.removeprefix(prefix + "_") for one in names if not one.endswith("UNSPECIFIED"))
        raise ValueError(f"{column}: got {name!r}, want one of {wanted}")
    return int(enum.Value(f"{prefix}_{name}"))


def price_observation(row: Row) -> price_pb2.PriceObservation:
    """Converts a row with the columns series, date and price."""
    return price_pb2.PriceObservation(
        price_series=f"priceSeries/{row['series']}", date=_date(row, "date"), price=_decimal(row, "price")
    )


def fx_rate(row: Row) -> price_pb2.FxRate:
    """Converts a row with the columns base, quote, date and rate."""
    return price_pb2.FxRate(
        base_currency_code=row["base"],
        quote_currency_code=row["quote"],
        date=_date(row, "date"),
        rate=_decimal(row, "rate"),
    )


def series_request(row: Row) -> price_pb2.CreatePriceSeriesRequest:
    """Converts a row of a price series; raises ValueError for a kind other than GOOD or empty."""
    if row.get("kind", "") not in {"", "GOOD"}:
        raise ValueError(f"kind: got {row['kind']!r}, want GOOD; the first exchange rate creates its own series")
    series = price_pb2.PriceSeries(
        good=row["good"],
        unit=row["unit"],
        currency_code=row["currency"],
        market=row.get("market", ""),
        source=row.get("source", ""),
        max_age_days=_whole(row, "max_age_days", 0),
    )
    return price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id=row["series"])


def asset_request(row: Row) -> asset_pb2.CreateAssetRequest:
    """Converts a row of an asset of any kind; columns of other kinds are ignored."""
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
        receipt_number=row.get("receipt_number", ""),
        bin=row.get("bin", ""),
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
        hours_date=_date(row, "hours_date"),
        condition=_member(asset_pb2.Condition, "CONDITION", row, "condition"),
        location=row.get("location", ""),
        price_index=f"priceSeries/{row['price_index']}" if row.get("price_index") else "",
        price_new_date=_date(row, "price_new_date"),
        units_produced=_decimal(row, "units_produced"),
        units_lifetime=_decimal(row, "units_lifetime"),
        acquisition_cost=_money(row, "acquisition_cost"),
        acquisition_date=_date(row, "acquisition_date"),
        book_schedule=_member(asset_pb2.DepreciationSchedule, "DEPRECIATION_SCHEDULE", row, "book_schedule"),
    )


def _ip_asset(row: Row) -> asset_pb2.IntellectualProperty:
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
        survival=_survival(row),
        technology_life_date=_date(row, "technology_life_date"),
        amortisation_years=_decimal(row, "amortisation_years"),
    )


def _survival(row: Row) -> asset_pb2.Survival | None:
    """Returns the yearly survival probabilities by cause; None if the row has none."""
    names = ("legal", "technical", "commercial")
    stated = {name: _decimal(row, f"{name}_survival") for name in names if row.get(f"{name}_survival")}
    return asset_pb2.Survival(**stated) if stated else None


def _receivable(row: Row) -> asset_pb2.Receivable:
    return asset_pb2.Receivable(
        debtor=row["debtor"],
        invoice_number=row["invoice_number"],
        face_amount=_money(row, "face_amount"),
        issue_date=_date(row, "issued"),
        due_date=_date(row, "due"),
    )


def _purchase_order(row: Row) -> asset_pb2.PurchaseOrder:
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
    "INTELLECTUAL_PROPERTY": _ip_asset,
    "RECEIVABLE": _receivable,
    "PURCHASE_ORDER": _purchase_order,
}


def loan_request(row: Row) -> loan_pb2.CreateLoanRequest:
    """Converts a row of a loan; LTV levels left empty are those of the policy."""
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
    for level in ("watch", "margin_call", "stop_draw", "liquidation"):
        if row.get(level):
            getattr(loan.ltv_levels, level).value = row[level]
    return loan_pb2.CreateLoanRequest(loan=loan, loan_id=row["loan_id"])


def balance_update(row: Row) -> loan_pb2.BalanceUpdate:
    """Converts a row of a loan to an update of its balance."""
    return loan_pb2.BalanceUpdate(
        loan=f"loans/{row['loan_id']}",
        principal=_money(row, "principal"),
        accrued_interest=_money(row, "accrued_interest"),
        fees=_money(row, "fees"),
        balance_date=_date(row, "as_of"),
    )


def pledge_request(row: Row, currency: str) -> loan_pb2.PledgeAssetRequest:
    """Converts a row of a pledge; ``currency`` is the loan's, in which the limit is stated."""
    pledge = loan_pb2.Pledge(
        asset=f"assets/{row['asset']}",
        rank=_whole(row, "rank", 1),
        share=_decimal(row, "share"),
        limit=money(row.get("limit", ""), currency, "limit"),
        mode=_member(loan_pb2.PledgeMode, "PLEDGE_MODE", row, "mode"),
        registry=row.get("registry", ""),
        registration_number=row.get("registry_number", ""),
        registration_date=_date(row, "registered"),
        registration_expire_date=_date(row, "expiry"),
    )
    return loan_pb2.PledgeAssetRequest(parent=f"loans/{row['loan']}", pledge=pledge, pledge_id=row["pledge_id"])
