"""Writes the sample book from a folder of real prices: ``python -m benchmarks.build_sample DATA_FOLDER``.

Uses only data with a licence that allows redistribution: daily spot prices (CC BY 4.0), monthly prices of the World
Bank (CC BY 4.0) and ECB reference rates. The same folder always gives the same files.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.sample_firms import FIRMS, Firm
from benchmarks.sample_prices import (
    BANK_SOURCE,
    ECB_SOURCE,
    MONTHLY,
    OPENING,
    SPOT,
    SPOT_SOURCE,
    closing,
    ecb_rates,
    monthly_prices,
    spot_prices,
)
from benchmarks.sample_receivables import POOLS, assignment_rows, debtor_rows, ledger_rows
from benchmarks.sample_story import EVENTS, NEVER_INSPECTED, PATENT_STATUS, STATEMENT, TOP_UPS
from collateral_registry.domain.assets.right_numbers import check_digit
from collateral_registry.domain.shared.countries import COUNTRIES
from valuation.depreciation.classes import equipment_classes

OUT = Path(__file__).parent.parent / "collateral_registry" / "sample"
NOTE = "Firms, debtors, assets, invoices and loans of the sample are invented; prices and exchange rates are real."

CLASS_OF = {
    "aluminum": "base_metal", "copper": "base_metal", "zinc": "base_metal", "wheat": "grain", "corn": "grain",
    "soybeans": "grain", "gold": "precious_metal", "platinum": "precious_metal", "wti": "energy",
    "gasoline": "energy", "heatoil": "energy", "cocoa": "soft", "rubber": "soft",
}  # fmt: skip
GRADE_OF = {
    "aluminum": "P1020A", "copper": "Grade A cathode", "zinc": "SHG 99.995 %", "wheat": "No. 2", "corn": "No. 2 yellow",
    "soybeans": "No. 2 yellow", "gold": "995 fine", "platinum": "999.5 fine", "wti": "light sweet",
    "gasoline": "87 octane", "heatoil": "No. 2", "cocoa": "good fermented", "rubber": "TSR20",
}  # fmt: skip
TYPICAL_LENDABLE = {"base_metal": 0.76, "grain": 0.68, "energy": 0.62, "precious_metal": 0.79, "soft": 0.62}
MACHINE_LENDABLE = {"commodity_machine": 0.60, "production_line": 0.45, "single_purpose": 0.20}
IP_LENDABLE = {
    "PATENT": 0.25,
    "UTILITY_MODEL": 0.15,
    "DESIGN": 0.10,
    "TRADEMARK": 0.35,
    "COPYRIGHT": 0.10,
    "SOFTWARE": 0.15,
}
CHINESE_SERIES = {"PATENT": 1, "UTILITY_MODEL": 2, "DESIGN": 3}
"""The digit of a Chinese application number that states its kind."""

KILOGRAMS = {
    "kg": 1.0,
    "t": 1000.0,
    "oz_t": 0.0311034768,
    "lb": 0.45359237,
    "bushel_wheat": 27.2155,
    "bushel_soybeans": 27.2155,
    "bushel_corn": 25.4012,
}


def main() -> None:
    """Writes all files of the sample book."""
    data = Path(sys.argv[1])
    spot = spot_prices(data / "prices" / "spot_17_eom.csv")
    months = monthly_prices(data / "prices" / "worldbank_monthly.csv.gz")
    rates = ecb_rates(data / "fx" / "ecb_eur_reference_daily.csv.gz")
    write_series()
    write(
        "prices.csv", f"Prices are real: {SPOT_SOURCE}; {BANK_SOURCE}.", ("series", "date", "price"), [*spot, *months]
    )
    write("fx.csv", f"Rates are real: {ECB_SOURCE}.", ("base", "quote", "date", "rate"), rates)
    write_book(closing([*spot, *months]), {quote: float(rate) for _, quote, date, rate in rates if date <= OPENING})
    for name, note, header, rows in (
        ("debtors", "The debtors of the sample book, all invented.", DEBTOR_HEADER, debtor_rows()),
        ("invoices", "The ledgers of the pools of receivables, all invented.", INVOICE_HEADER, ledger_rows()),
        ("assignments", "The assignments of the pools, all invented.", ASSIGNMENT_HEADER, assignment_rows()),
    ):
        write(f"{name}.csv", note, header, cells(header, rows))
    write("statement.csv", "The borrower's statement of a base for a period.", ("class", "line", "value"), STATEMENT)
    write("timeline.csv", "What the borrowers do in 2022.", ("date", "action", "target", "value", "note"), timeline())


def timeline() -> list[tuple[str, str, str, str, str]]:
    """Returns the events of the story and the yearly inspections of machines, by date."""
    inspections = [
        (str(np.busday_offset("2022-11-07", number % 12)), "inspect", asset, "", "yearly inspection")
        for number, asset in enumerate(sorted(machine_ids()))
        if asset not in NEVER_INSPECTED
    ]
    return sorted([*EVENTS, *inspections])


def machine_ids() -> list[str]:
    """Returns the ids of all machines."""
    return [f"eq-{firm.key}-{place}" for firm in FIRMS for place in range(1, len(firm.machines) + 1)]


def write(name: str, note: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV file with two comment lines."""
    with (OUT / name).open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {note}\n# {NOTE}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_series() -> None:
    """Writes the price series with their sources."""
    rows = [(name, "GOOD", name, unit, "USD", "spot", SPOT_SOURCE, 10) for name, unit in SPOT.items()]
    rows += [
        (name, "GOOD", name, unit, "USD", "monthly average", BANK_SOURCE, 45) for name, (_, unit) in MONTHLY.items()
    ]
    header = ("series", "kind", "good", "unit", "currency", "market", "source", "max_age_days")
    write("series.csv", "Price series of the sample book.", header, rows)


ASSET_HEADER = (
    "asset_id", "kind", "class", "owner", "currency", "description", "good", "grade", "series", "quantity", "unit",
    "warehouse", "lot",
    "insurance_expiry", "last_inspection", "make", "model", "serial_number", "built", "hours", "condition", "location",
    "price_new", "equipment_class", "schedule", "right_kind", "office", "number", "filed", "granted", "expires",
    "legal_status", "next_year_revenue", "growth", "royalty_rate", "tax_rate", "discount_rate", "annual_survival",
    "technology_life_years", "amortisation_years", "owner_debtor", "invoice_feed", "recourse", "disclosure", "buyer",
    "order_number", "order_amount", "issued", "due", "country_code",
)  # fmt: skip
LOAN_HEADER = (
    "loan_id", "borrower", "currency", "principal", "accrued_interest", "fees", "credit_limit", "ltv_basis", "watch",
    "margin_call", "stop_draw", "liquidation", "maturity", "as_of", "base_block", "base_sublimits",
)  # fmt: skip
PLEDGE_HEADER = (
    "pledge_id",
    "loan",
    "asset",
    "rank",
    "share",
    "limit",
    "registry",
    "registry_number",
    "registered",
    "expiry",
)
DEBTOR_HEADER = (
    "debtor_id", "name", "lei", "uscc", "vat", "country", "independent", "kind", "core_firm", "pd", "pd_source", "pd_date",
    "usual_terms_days",
)  # fmt: skip
INVOICE_HEADER = (
    "entry", "time", "pool", "kind", "debtor", "number", "type", "issued", "due", "delivered", "amount", "currency",
)  # fmt: skip
ASSIGNMENT_HEADER = ("date", "pool", "event", "debtor", "registry", "registry_number", "expiry")

POOL_LENDABLE = 0.55
"""What a pool lends of its open amount, roughly: after exclusions, the concentration limit and the advance rate."""

ORDER_PLEDGED = ("sunrise-foods",)
"""Firms whose purchase order is pledged. An order has no model of its value yet, so it makes its loan UNKNOWN."""


def cells(header: Sequence[str], rows: Iterable[dict[str, object]]) -> list[list[object]]:
    """Returns the cells of rows in the order of a header; a missing one is empty."""
    return [[row.get(column, "") for column in header] for row in rows]


def write_book(prices: dict[str, float], euro: dict[str, float]) -> None:
    """Writes the assets, loans and pledges of all firms; ``prices`` and ``euro`` are those of the opening day."""
    assets: list[dict[str, object]] = []
    loans: list[dict[str, object]] = []
    pledges: list[dict[str, object]] = []
    for number, firm in enumerate(FIRMS, start=1):
        own = [*lots(firm, prices, euro), *machines(firm, number), *ip_assets(firm, number), *pools(firm)]
        ordered = orders(firm, number)
        own += ordered if firm.key in ORDER_PLEDGED else []
        registered = own if firm.key in ORDER_PLEDGED else [*own, *ordered]
        assets += [{**asset, "owner": firm.name} for asset, _ in registered]
        lendable = sum(worth for _, worth in own)
        loan = f"loan-{firm.key}"
        loans.append(loan_row(firm, loan, lendable, number))
        pledges += [
            pledge_row(loan, str(asset["asset_id"]), place, number) for place, (asset, _) in enumerate(own, start=1)
        ]
        if number % 10 == 3:
            add_second_loan(firm, own, loans, pledges, number)
        if number % 10 == 4:
            add_sharing_loan(firm, own, loans, pledges, number)
    for top_up in TOP_UPS:
        assets.append(top_up.asset_row())
        pledges.append(top_up.pledge_row())
    for name, header, rows in (
        ("assets", ASSET_HEADER, assets),
        ("loans", LOAN_HEADER, loans),
        ("pledges", PLEDGE_HEADER, pledges),
    ):
        write(
            f"{name}.csv",
            f"The {name} of the sample book.",
            header,
            cells(header, rows),
        )


def in_firm_currency(dollars: float, firm: Firm, euro: dict[str, float]) -> float:
    """Converts dollars to the firm's currency at the rates of the opening day."""
    per_euro = {"EUR": 1.0, **euro}
    return dollars / per_euro["USD"] * per_euro[firm.currency]


def lots(firm: Firm, prices: dict[str, float], euro: dict[str, float]) -> list[tuple[dict[str, object], float]]:
    """Returns the inventory lots of a firm with their approximate lendable values."""
    found = []
    for place, (series, quantity, unit) in enumerate(halves(firm.goods), start=1):
        series_unit = SPOT.get(series) or MONTHLY[series][1]
        factor = 1.0 if unit == series_unit else KILOGRAMS[unit] / KILOGRAMS[series_unit]
        kind = CLASS_OF[series]
        worth = in_firm_currency(float(quantity) * factor * prices[series], firm, euro) * TYPICAL_LENDABLE[kind]
        asset = {
            "asset_id": f"lot-{firm.key}-{place}", "kind": "INVENTORY", "class": f"inventory.{kind}", "currency": firm.currency,
            "description": f"{series} lot {place}", "good": series, "grade": GRADE_OF[series],
            "series": series, "quantity": quantity, "unit": unit,
            "warehouse": firm.warehouse or f"{firm.name} yard", "lot": f"{firm.key[:3].upper()}-{place:03d}", "insurance_expiry": "2023-06-30",
            "country_code": firm.country,
        }  # fmt: skip
        if firm.key == "latex-works":
            asset["insurance_expiry"] = "2022-09-15"
        found.append((asset, worth))
    return found


def halves(goods: tuple[tuple[str, str, str], ...]) -> list[tuple[str, str, str]]:
    """Splits the first good of a firm into two lots."""
    if not goods:
        return []
    (series, quantity, unit), *others = goods
    large = round(float(quantity) * 0.6)
    return [(series, str(large), unit), (series, str(round(float(quantity)) - large), unit), *others]


def machines(firm: Firm, number: int) -> list[tuple[dict[str, object], float]]:
    """Returns the machines of a firm with their approximate lendable values, in the firm's currency."""
    scale = 7.0 if firm.currency == "CNY" else 1.0
    found = []
    for place, (make, model, code, kind, built, price, hours, condition) in enumerate(firm.machines, start=1):
        rate = equipment_classes()[code].geometric_rate
        share = MACHINE_LENDABLE[kind.rpartition(".")[2]] * {"GOOD": 1.0, "FAIR": 0.85}.get(condition, 0.9)
        asset = {
            "asset_id": f"eq-{firm.key}-{place}", "kind": "EQUIPMENT", "class": kind, "currency": firm.currency,
            "description": f"{make} {model}", "make": make, "model": model, "serial_number": f"{model}-{number:02d}{place:03d}",
            "built": f"{built}-0{place % 9 + 1}-15", "hours": hours or "", "condition": condition, "location": firm.warehouse or firm.name,
            "price_new": f"{price * scale:.2f}", "equipment_class": code, "schedule": "GEOMETRIC",
            "insurance_expiry": "2023-03-31", "last_inspection": "2021-11-30" if place % 2 else "2021-12-15",
            "country_code": firm.country,
        }  # fmt: skip
        found.append((asset, price * scale * (1 - rate) ** (2021.9 - built) * share))
    return found


def ip_assets(firm: Firm, number: int) -> list[tuple[dict[str, object], float]]:
    """Returns the IP assets of a firm with their approximate lendable values."""
    found = []
    for place, (kind, office, filed, revenue, royalty) in enumerate(firm.ip_assets, start=1):
        registration = right_number_of(kind, office, filed, number, place)
        asset = {
            "asset_id": f"ip-{firm.key}-{place}", "kind": "INTELLECTUAL_PROPERTY", "class": f"ip.{kind.lower()}",
            "currency": firm.currency, "description": f"{kind.lower().replace('_', ' ')} {registration}", "right_kind": kind,
            "office": office, "number": registration, "filed": f"{filed}-05-20", "granted": f"{filed + 2}-03-10",
            "legal_status": PATENT_STATUS.get(f"ip-{firm.key}-{place}", "IN_FORCE"), "next_year_revenue": f"{revenue}.00",
            "growth": "0.02", "royalty_rate": royalty, "tax_rate": "0.25", "discount_rate": "0.15", "annual_survival": "0.92",
            "technology_life_years": "8", "amortisation_years": "0", "country_code": office if office in COUNTRIES else "",
        }  # fmt: skip
        worth = revenue * float(royalty) * 0.75 * 3.6 * IP_LENDABLE[kind]
        found.append((asset, worth))
    return found


def right_number_of(kind: str, office: str, filed: int, number: int, place: int) -> str:
    """Returns an invented number of an IP asset; Chinese ones have the form of the office and a right check digit."""
    if office != "CN" or kind not in CHINESE_SERIES:
        return f"{office}{filed}{number:03d}{place:02d}"
    digits = f"{filed}{CHINESE_SERIES[kind]}{number:05d}{place:02d}"
    return f"ZL{digits}.{check_digit(digits)}"


def pools(firm: Firm) -> list[tuple[dict[str, object], float]]:
    """Returns the pool of receivables of a firm with its approximate lendable value."""
    return [(pool.asset_row(), pool.opening_amount * POOL_LENDABLE) for pool in POOLS if pool.firm_key == firm.key]


def orders(firm: Firm, number: int) -> list[tuple[dict[str, object], float]]:
    """Returns the purchase orders of a firm, which count with a lendable value of 0."""
    found: list[tuple[dict[str, object], float]] = []
    for place, (buyer, amount) in enumerate(firm.orders, start=1):
        asset = {
            "asset_id": f"po-{firm.key}-{place}", "kind": "PURCHASE_ORDER", "class": "order.confirmed", "currency": firm.currency,
            "description": f"order of {buyer}", "buyer": buyer, "order_number": f"PO-{number:02d}{place:02d}",
            "order_amount": f"{amount}.00", "issued": "2021-12-01", "due": "2022-06-30",
        }  # fmt: skip
        found.append((asset, 0.0))
    return found


def loan_row(firm: Firm, loan: str, lendable: float, number: int) -> dict[str, object]:
    """Returns the row of a loan that is drawn to the firm's initial LTV."""
    principal = round(lendable * firm.start_ltv, -3)
    if firm.basis == "MARKET":
        principal = round(lendable * firm.start_ltv * 0.62, -3)
    levels = dict(
        zip(("watch", "margin_call", "stop_draw", "liquidation"), firm.levels or ("", "", "", ""), strict=True)
    )
    return {
        "loan_id": loan, "borrower": firm.name, "currency": firm.currency, "principal": f"{principal * 0.99:.2f}",
        "accrued_interest": f"{principal * 0.008:.2f}", "fees": f"{principal * 0.002:.2f}",
        "credit_limit": f"{principal * 1.2:.2f}" if firm.credit_limit else "", "ltv_basis": firm.basis, **levels,
        "maturity": f"202{4 + number % 3}-06-30", "as_of": OPENING, "base_block": firm.base_block,
        "base_sublimits": firm.base_sublimits,
    }  # fmt: skip


def pledge_row(loan: str, asset: str, place: int, number: int) -> dict[str, object]:
    """Returns the row of a first-rank pledge of a whole asset."""
    expiry = "2022-10-31" if asset == "eq-vial-norte-2" else "2026-12-15"
    return {
        "pledge_id": f"p-{place}", "loan": loan, "asset": asset, "rank": 1, "share": "", "limit": "", "registry": "national notice registry",
        "registry_number": f"2021{number:03d}{place:03d}", "registered": "2021-12-15", "expiry": expiry,
    }  # fmt: skip


def add_second_loan(
    firm: Firm,
    own: list[tuple[dict[str, object], float]],
    loans: list[dict[str, object]],
    pledges: list[dict[str, object]],
    number: int,
) -> None:
    """Adds a smaller loan with a second-rank pledge of the firm's first asset, and limits the first pledge."""
    asset, worth = own[0]
    first = next(row for row in pledges if row["asset"] == asset["asset_id"])
    first["limit"] = f"{round(worth * 0.7, -3):.2f}"
    loan = f"loan-{firm.key}-2"
    row = loan_row(firm, loan, worth * 0.3, number)
    main = next(row for row in loans if row["loan_id"] == f"loan-{firm.key}")
    cut = float(str(main["principal"])) - worth * 0.3 * firm.start_ltv
    main["principal"] = f"{round(cut, -3):.2f}"
    loans.append({**row, "credit_limit": ""})
    pledges.append({**pledge_row(loan, str(asset["asset_id"]), 9, number), "rank": 2})


def add_sharing_loan(
    firm: Firm,
    own: list[tuple[dict[str, object], float]],
    loans: list[dict[str, object]],
    pledges: list[dict[str, object]],
    number: int,
) -> None:
    """Adds a loan that shares the firm's first asset with the main loan at the same rank: 0.4 and 0.6."""
    asset, worth = own[0]
    first = next(row for row in pledges if row["asset"] == asset["asset_id"])
    first["share"] = "0.6"
    loan = f"loan-{firm.key}-2"
    main = next(row for row in loans if row["loan_id"] == f"loan-{firm.key}")
    main["principal"] = f"{round(float(str(main['principal'])) - worth * 0.4 * firm.start_ltv, -3):.2f}"
    loans.append({**loan_row(firm, loan, worth * 0.4, number), "credit_limit": ""})
    pledges.append({**pledge_row(loan, str(asset["asset_id"]), 9, number), "share": "0.4"})


if __name__ == "__main__":
    main()
