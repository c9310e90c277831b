"""Converts rows to messages; raises ValueError for an invalid cell and KeyError for a missing column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.cli.common.file_schemas import Row
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.v1 import asset_pb2, assignment_pb2, debtor_pb2, loan_pb2, price_pb2

M = TypeVar("M", bound=Message)

AMOUNT = re.compile(r"-?\d{1,18}(\.\d{1,9})?", re.ASCII)
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
KIND_FIELDS = {
    "INVENTORY": "inventory",
    "EQUIPMENT": "equipment",
    "INTELLECTUAL_PROPERTY": "intellectual_property",
    "RECEIVABLE": "receivable",
    "PURCHASE_ORDER": "purchase_order",
    "RECEIVABLE_POOL": "receivable_pool",
}

COLUMN_OF = {
    "asset_class": "class",
    "balance_date": "as_of",
    "build_date": "built",
    "delivery_date": "delivered",
    "display_name": "description",
    "due_date": "due",
    "expire_date": "expires",
    "filing_date": "filed",
    "grant_date": "granted",
    "insurance_expire_date": "insurance_expiry",
    "issue_date": "issued",
    "last_inspection_date": "last_inspection",
    "maturity_date": "maturity",
    "registration_date": "registered",
    "registration_expire_date": "expiry",
    "registration_number": "registry_number",
}
"""Column of each field that has another name."""

REQUIRED_TEXTS = {
    "class", "owner", "good", "unit", "warehouse", "lot", "make", "serial_number", "equipment_class", "office",
    "number", "debtor", "invoice_number", "buyer", "order_number", "borrower",
}  # fmt: skip
"""Columns of texts that may be empty but not absent."""


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
    """Parses an amount in plain digits exactly; returns None for an empty string, and raises ValueError if invalid."""
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


def _member(enum: EnumDescriptor, row: Row, column: str) -> int:
    """Returns the number of the enum member named in a column; 0 if the cell is empty or UNKNOWN."""
    name = row.get(column, "")
    if not name or name == "UNKNOWN":
        return 0
    unspecified = enum.values[0].name  # names of members begin with that of the enum
    prefix = unspecified.removesuffix("UNSPECIFIED")
    if prefix + name not in enum.values_by_name:
        wanted = ", ".join(one.name.removeprefix(prefix) for one in enum.values if one.name != unspecified)
        raise ValueError(f"{column}: got {name!r}, want one of {wanted}")
    return int(enum.values_by_name[prefix + name].number)


READERS: Mapping[str, Callable[[Row, str], object]] = {
    "google.type.Date": _date,
    "google.type.Decimal": _decimal,
    "google.type.Money": _money,
}


def _message(kind: type[M], row: Row, /, **others: object) -> M:
    """Builds a message: ``others`` are fields with given values; the remaining fields are read from the row."""
    values: dict[str, object] = {}
    for field in kind.DESCRIPTOR.fields:
        name, column = field.name, COLUMN_OF.get(field.name, field.name)
        if name in others:
            continue
        if field.message_type is not None:
            if field.message_type.full_name in READERS:
                values[name] = READERS[field.message_type.full_name](row, column)
        elif field.enum_type is not None:
            values[name] = _member(field.enum_type, row, column)
        elif field.type == field.TYPE_STRING:
            values[name] = row[column] if column in REQUIRED_TEXTS else row.get(column, "")
    return kind(**values, **others)


def price_observation(row: Row) -> price_pb2.PriceObservation:
    """Converts a row with the columns series, date and price to a price observation."""
    return price_pb2.PriceObservation(
        price_series=f"priceSeries/{row['series']}", date=_date(row, "date"), price=_decimal(row, "price")
    )


def fx_rate(row: Row) -> price_pb2.FxRate:
    """Converts a row with the columns base, quote, date and rate to an exchange rate."""
    return price_pb2.FxRate(
        base_currency_code=row["base"],
        quote_currency_code=row["quote"],
        date=_date(row, "date"),
        rate=_decimal(row, "rate"),
    )


def series_request(row: Row) -> price_pb2.CreatePriceSeriesRequest:
    """Converts a row of a price series; raises ValueError if the kind is neither GOOD nor empty."""
    if row.get("kind", "") not in {"", "GOOD"}:
        raise ValueError(f"kind: got {row['kind']!r}, want GOOD; the first exchange rate creates its own series")
    days = _whole(row, "max_age_days", 0)
    own = unit_spellings("unit_spellings", row.get("unit_spellings", "").split(";"))
    series = _message(price_pb2.PriceSeries, row, currency_code=row["currency"], max_age_days=days, unit_spellings=own)
    return price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id=row["series"])


def unit_spellings(field: str, pairs: Iterable[str]) -> dict[str, str]:
    """Parses pairs such as ``ton=short_ton``; empty ones are skipped. Raises ValueError for any other form."""
    stated: dict[str, str] = {}
    for pair in filter(None, map(str.strip, pairs)):
        spelling, is_pair, unit = map(str.strip, pair.partition("="))
        if not (spelling and is_pair and unit) or spelling in stated:
            raise ValueError(f"{field}: got {pair[:40]!r}, want each spelling once with its unit, as ton=short_ton")
        stated[spelling] = unit
    return stated


def asset_request(row: Row) -> asset_pb2.CreateAssetRequest:
    """Converts a row of an asset of any kind; ignores the columns that belong to other kinds."""
    if row["kind"] not in KIND_FIELDS:
        raise ValueError(f"kind: got {row['kind']!r}, want one of {', '.join(KIND_FIELDS)}")
    asset = _message(asset_pb2.Asset, row, currency_code=row["currency"])
    getattr(asset, KIND_FIELDS[row["kind"]]).CopyFrom(DETAILS[row["kind"]](row))
    return asset_pb2.CreateAssetRequest(asset=asset, asset_id=row["asset_id"])


def _inventory(row: Row) -> asset_pb2.Inventory:
    series = f"priceSeries/{row['series']}" if row.get("series") else ""
    return _message(asset_pb2.Inventory, row, price_series=series)


def _equipment(row: Row) -> asset_pb2.Equipment:
    index = f"priceSeries/{row['price_index']}" if row.get("price_index") else ""
    return _message(asset_pb2.Equipment, row, price_index=index)


def _ip_asset(row: Row) -> asset_pb2.IntellectualProperty:
    kind = _member(asset_pb2.RightKind.DESCRIPTOR, row, "right_kind")
    return _message(asset_pb2.IntellectualProperty, row, kind=kind, survival=_survival(row))


def _survival(row: Row) -> asset_pb2.Survival | None:
    """Returns the yearly survival probabilities by cause; None if the row has none."""
    names = ("legal", "technical", "commercial")
    stated = {name: _decimal(row, f"{name}_survival") for name in names if row.get(f"{name}_survival")}
    return asset_pb2.Survival(**stated) if stated else None


def _receivable(row: Row) -> asset_pb2.Receivable:
    return _message(asset_pb2.Receivable, row, type_code=_whole(row, "type_code", 0), owner_debtor=_owner_debtor(row))


def _receivable_pool(row: Row) -> asset_pb2.ReceivablePool:
    feed = f"invoiceFeeds/{row['invoice_feed']}" if row.get("invoice_feed") else ""
    return _message(asset_pb2.ReceivablePool, row, invoice_feed=feed, owner_debtor=_owner_debtor(row))


def _owner_debtor(row: Row) -> str:
    return f"debtors/{row['owner_debtor']}" if row.get("owner_debtor") else ""


OLDER_COLUMNS = {"supplier": "buyer", "face_amount": "order_amount"}
"""Columns of purchase orders in files written before they were named as in the contract."""


def _purchase_order(row: Row) -> asset_pb2.PurchaseOrder:
    """Converts a row of a purchase order; raises ValueError if a column and its older name are both filled."""
    named = dict(row)
    for old, new in OLDER_COLUMNS.items():
        if not row.get(old):
            continue
        if row.get(new):
            raise ValueError(f"{new}: got {row[new][:40]!r} and {old} {row[old][:40]!r}, want one of the two columns")
        named[new] = row[old]
    return _message(asset_pb2.PurchaseOrder, named)


DETAILS: Mapping[str, Callable[[Row], object]] = {
    "INVENTORY": _inventory,
    "EQUIPMENT": _equipment,
    "INTELLECTUAL_PROPERTY": _ip_asset,
    "RECEIVABLE": _receivable,
    "PURCHASE_ORDER": _purchase_order,
    "RECEIVABLE_POOL": _receivable_pool,
}


IDENTIFIER_COLUMNS = {
    "lei": debtor_pb2.IDENTIFIER_SCHEME_LEI,
    "uscc": debtor_pb2.IDENTIFIER_SCHEME_UNIFIED_SOCIAL_CREDIT_CODE,
    "vat": debtor_pb2.IDENTIFIER_SCHEME_VAT,
}


def debtor_request(row: Row) -> debtor_pb2.CreateDebtorRequest:
    """Converts a row of a debtor; cells of aliases and identifiers hold several, separated by semicolons."""
    identifiers = [
        debtor_pb2.DebtorIdentifier(scheme=scheme, value=value)
        for column, scheme in IDENTIFIER_COLUMNS.items()
        for value in _parts(row, column)
    ]
    debtor = _message(
        debtor_pb2.Debtor,
        row,
        display_name=row["name"],
        aliases=_parts(row, "aliases"),
        identifiers=identifiers,
        country_code=row.get("country", ""),
        parent=f"debtors/{row['parent']}" if row.get("parent") else "",
        independent=_flag(row, "independent"),
        core_firm=_flag(row, "core_firm"),
        usual_terms_days=_whole(row, "usual_terms_days", 0),
        default_probability=_default_probability(row),
        line=_line(row),
    )
    return debtor_pb2.CreateDebtorRequest(debtor=debtor, debtor_id=row["debtor_id"])


def limit_request(row: Row) -> assignment_pb2.RecordDebtorLimitRequest:
    """Converts a row of a debtor's limit in a pool."""
    limit = _message(
        assignment_pb2.DebtorLimit,
        row,
        amount=_money(row, "amount"),
        expire_date=_date(row, "expiry"),
    )
    return assignment_pb2.RecordDebtorLimitRequest(
        parent=f"assets/{row['pool']}", debtor_limit=limit, actor=row["actor"]
    )


def _default_probability(row: Row) -> debtor_pb2.DefaultProbability | None:
    if not any(row.get(column) for column in ("pd", "pd_source", "pd_date")):
        return None
    stated = debtor_pb2.DefaultProbability(source=row.get("pd_source", ""), date=_date(row, "pd_date"))
    if row.get("pd"):
        stated.ratio.value = row["pd"]
    return stated


def _line(row: Row) -> debtor_pb2.DebtorLine | None:
    if not (row.get("line") or row.get("line_expiry")):
        return None
    return debtor_pb2.DebtorLine(amount=_money(row, "line"), expire_date=_date(row, "line_expiry"))


def _parts(row: Row, column: str) -> list[str]:
    """Returns the texts of a cell that are separated by semicolons, without empty ones."""
    return [part.strip() for part in row.get(column, "").split(";") if part.strip()]


def _flag(row: Row, column: str) -> bool:
    """Returns whether a cell states yes; an empty cell states no. Raises ValueError for any other text."""
    text = row.get(column, "").lower()
    if text not in {"", "yes", "no", "true", "false"}:
        raise ValueError(f"{column}: got {text[:40]!r}, want yes or no")
    return text in {"yes", "true"}


def loan_request(row: Row) -> loan_pb2.CreateLoanRequest:
    """Converts a loan's row to the request that creates the loan; an empty LTV limit means the policy's limit."""
    if not row["principal"].strip():
        raise ValueError("principal: got nothing, want an amount, 0 if nothing is owed")
    loan = _message(loan_pb2.Loan, row, currency_code=row["currency"])
    for level in ("watch", "margin_call", "stop_draw", "liquidation"):
        if row.get(level):
            getattr(loan.ltv_levels, level).value = row[level]
    if row.get("base_block") or row.get("base_sublimits"):
        loan.borrowing_base_terms.CopyFrom(_base_terms(row))
    return loan_pb2.CreateLoanRequest(loan=loan, loan_id=row["loan_id"])


def _base_terms(row: Row) -> loan_pb2.BorrowingBaseTerms:
    """Returns the terms of a borrowing base; sublimits are shares of the base by class, such as ``equipment=0.3``."""
    sublimits = []
    for pair in _parts(row, "base_sublimits"):
        asset_class, is_pair, share = map(str.strip, pair.partition("="))
        if not (asset_class and is_pair and share):
            raise ValueError(f"base_sublimits: got {pair[:40]!r}, want a class with its share, as equipment=0.3")
        sublimits.append(loan_pb2.Sublimit(asset_class=asset_class, share=DecimalMessage(value=share)))
    return loan_pb2.BorrowingBaseTerms(block=_money(row, "base_block"), sublimits=sublimits)


def balance_update(row: Row) -> loan_pb2.BalanceUpdate:
    """Converts a loan's row to an update of its balance."""
    return _message(loan_pb2.BalanceUpdate, row, loan=f"loans/{row['loan_id']}")


def pledge_request(row: Row, currency: str) -> loan_pb2.PledgeAssetRequest:
    """Converts a row of a pledge; ``currency`` is the currency of the loan, in which the limit is stated."""
    pledge = _message(
        loan_pb2.Pledge,
        row,
        asset=f"assets/{row['asset']}",
        rank=_whole(row, "rank", 1),
        limit=money(row.get("limit", ""), currency, "limit"),
    )
    return loan_pb2.PledgeAssetRequest(parent=f"loans/{row['loan']}", pledge=pledge, pledge_id=row["pledge_id"])
