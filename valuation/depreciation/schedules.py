"""Book schedules of depreciation, one asset at a time, as accountants print them.

C cost, S salvage, n life in periods, t a period from 1. Every function returns the charge of a period unless it says
otherwise, and raises InvalidInput for a salvage above cost or a life that is not positive.
"""

from __future__ import annotations

from functools import cache

from valuation.errors import InvalidInput
from valuation.tables import read_table


def _check(cost: float, salvage: float, life: float) -> None:
    if life <= 0:
        raise InvalidInput("life", life, "more than 0 periods")
    if not 0 <= salvage <= cost:
        raise InvalidInput("salvage", salvage, f"0 to the cost {cost:g}")


def straight_line(cost: float, salvage: float, life: float) -> float:
    """(C - S) / n."""
    _check(cost, salvage, life)
    return (cost - salvage) / life


def sum_of_years(cost: float, salvage: float, life: int, period: int) -> float:
    """(C - S) (n - t + 1) 2 / (n (n + 1))."""
    _check(cost, salvage, life)
    return (cost - salvage) * (life - period + 1) * 2.0 / (life * (life + 1))


def units_of_production(cost: float, salvage: float, units: float, lifetime_units: float) -> float:
    """(C - S) units / lifetime units."""
    _check(cost, salvage, lifetime_units)
    return (cost - salvage) * units / lifetime_units


def double_declining(cost: float, salvage: float, life: float, period: int, factor: float = 2.0) -> float:
    """min(BV f / n, BV - S): never below salvage."""
    _check(cost, salvage, life)
    book = cost
    charge = 0.0
    for _ in range(period):
        charge = max(min(book * factor / life, book - salvage), 0.0)
        book -= charge
    return charge


def declining_with_switch(
    cost: float, salvage: float, life: float, start: float, end: float, factor: float = 2.0
) -> float:
    """Charge between two moments, switching to straight line when that is larger; parts of periods count in proportion."""
    _check(cost, salvage, life)
    if not 0 <= start <= end <= life:
        raise InvalidInput("period", (start, end), f"0 <= start <= end <= {life:g}")
    total, book, period = 0.0, cost, 0
    while period < end:
        left = life - period
        charge = max(min(book * factor / life, book - salvage), (book - salvage) / left)
        overlap = max(0.0, min(end, period + 1) - max(start, period))
        total += charge * overlap
        book -= charge
        period += 1
    return total


def fixed_declining(cost: float, salvage: float, life: int, period: int, first_year_months: int = 12) -> float:
    """Fixed-rate declining balance with the rate 1 - (S / C)^(1/n) rounded to three decimals, as spreadsheets print it."""
    _check(cost, salvage, life)
    rate = round(1.0 - (salvage / cost) ** (1.0 / life), 3)
    charge = cost * rate * first_year_months / 12.0
    written_off = charge
    for year in range(2, period + 1):
        months = 12 - first_year_months if year == life + 1 else 12
        charge = (cost - written_off) * rate * months / 12.0
        written_off += charge
    return charge


@cache
def macrs_table() -> dict[int, tuple[float, ...]]:
    """Recovery years to the percentage of each year, half-year convention (IRS Publication 946, Table A-1)."""
    table: dict[int, list[float]] = {}
    for row in read_table("valuation.depreciation", "macrs_half_year.csv"):
        table.setdefault(int(row["recovery_years"]), []).append(float(row["pct"]))
    return {years: tuple(percentages) for years, percentages in table.items()}


def macrs_class_of(life_years: float) -> int:
    """The recovery class nearest to a life, the longer one at the middle."""
    return min(sorted(macrs_table(), reverse=True), key=lambda years: abs(years - life_years))
