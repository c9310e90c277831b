"""Reads the lines that ``collateral value`` prints, and recomputes the steps that every model has."""

import re
from decimal import Decimal


class Lines:
    """The printed lines by name: the value and the amount of each, and the text above the table."""

    def __init__(self, text: str) -> None:
        above, _, below = text.partition("\nline ")
        head, _, *lines = ("line " + below).splitlines()
        starts = {name: head.index(name) for name in ("line", "date", "source")}
        ends = {name: head.index(name) + len(name) for name in ("value", "amount")}
        units = head.index("unit")
        self.title = above
        self.values: dict[str, Decimal] = {}
        self.amounts: dict[str, Decimal] = {}
        self.units: dict[str, str] = {}
        self.dates: dict[str, str] = {}
        for line in lines:
            name = re.split(r"  +", line)[0].strip()
            value = line[len(name) : ends["value"]].strip().replace(",", "")
            unit, _, amount = line[units : ends["amount"]].partition(" ")
            amount = amount.strip().rpartition(" ")[0]
            if value:
                self.values[name] = Decimal(value)
            if amount.strip():
                self.amounts[name] = Decimal(amount.strip().replace(",", ""))
            self.units[name] = unit
            self.dates[name] = line[starts["date"] : starts["date"] + 10].strip()

    def number(self, name: str) -> float:
        return float(self.values[name])


def check_steps(lines: Lines) -> None:
    """Recomputes every step from the market value to the lendable value."""
    left = lines.amounts["market value"] * lines.values["x price adjustment"]
    assert abs(left - lines.amounts["x price adjustment"]) <= Decimal("0.01")
    adjusted, kept = lines.amounts["x price adjustment"], Decimal(1)
    for part in ("value", "market", "liquidity", "cost", "legal"):
        kept *= 1 - lines.values[f"- {part} haircut"]
        assert abs(adjusted * kept - lines.amounts[f"- {part} haircut"]) <= Decimal("0.02")
    haircut = max(1 - kept, lines.values["haircut floor"])
    assert abs(haircut - lines.values["= haircut"]) < Decimal("1e-8")
    lendable = adjusted * min(1 - haircut, lines.values["cap"])
    assert abs(lendable - lines.amounts["lendable value"]) <= Decimal("0.02")


def check_bases(lines: Lines) -> None:
    """Recomputes the bases of value of a machine."""
    fair = lines.amounts["market value"]
    orderly = fair * (1 - lines.values["- liquidity haircut"])
    expected = {
        "fair market value": fair,
        "orderly liquidation value": orderly,
        "forced liquidation value": min(orderly, fair * lines.values["flv factor"]),
        "net orderly liquidation value": orderly * (1 - lines.values["- cost haircut"]),
    }
    assert all(abs(lines.amounts[name] - value) <= Decimal("0.02") for name, value in expected.items()), expected
