"""Loss and ratios of a disposal from its entries (docs/disposals.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

from collateral_registry.domain.disposals.disposals import (
    Disposal,
    DisposalItem,
    DisposalState,
    Entry,
    Expected,
    Proceeds,
)

DAYS_PER_YEAR = 365
DIGITS = 40
"""Digits of the discount factors, so that a rounded present value does not depend on the machine."""

MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True)
class ItemResult:
    """What an asset brought, in minor units: proceeds less costs, and the share still expected of it."""

    item: DisposalItem
    net_minor: int
    expected_minor: int
    days: int | None
    is_finished: bool
    buyer_related: bool

    @property
    def realised_to_market(self) -> Decimal | None:
        """Net proceeds divided by the market value at the default; None if that is unknown or 0."""
        return _ratio(self.net_minor, self.item.at_default.market_minor, is_known=self.item.at_default.is_known)

    @property
    def realised_to_lendable(self) -> Decimal | None:
        """Net proceeds divided by the lendable value at the default; None if that is unknown or 0."""
        return _ratio(self.net_minor, self.item.at_default.lendable_minor, is_known=self.item.at_default.is_known)


@dataclass(frozen=True)
class DisposalResult:
    """Loss and ratios of a disposal. The loss of an open one contains what is still expected."""

    items: Sequence[ItemResult]
    net_minor: int
    expected: Expected | None
    present_minor: int
    loss: Decimal
    realised_to_market: Decimal | None
    realised_to_lendable: Decimal | None
    days: int | None


def result_of(disposal: Disposal, state: DisposalState, entries: Sequence[Entry]) -> DisposalResult:
    """Returns the result of a disposal in a state, with its entries in order."""
    counted = counted_proceeds(entries)
    expected = None if state is DisposalState.CLOSED else expected_after(entries)
    flows = [(one.day, one.loan_minor - one.cost_minor) for one in counted]
    if expected is not None:
        flows.append((expected.day, expected.minor))
    present = present_value(flows, disposal.default, disposal.discount_rate)
    items = _items(disposal, state, counted, expected.minor if expected else 0)
    of_assets, references = sum(item.net_minor for item in items), [item.item.at_default for item in items]
    is_known = all(reference.is_known for reference in references)
    return DisposalResult(
        items=items,
        net_minor=sum(one.loan_minor - one.cost_minor for one in counted),
        expected=expected,
        present_minor=int(present.to_integral_value(ROUND_HALF_EVEN)),
        loss=loss_given_default(present, disposal.exposure_minor),
        realised_to_market=_ratio(of_assets, sum(one.market_minor for one in references), is_known=is_known),
        realised_to_lendable=_ratio(of_assets, sum(one.lendable_minor for one in references), is_known=is_known),
        days=_days(disposal.default, counted),
    )


def present_value(flows: Sequence[tuple[date, int]], start: date, yearly_rate: Decimal) -> Decimal:
    """Returns the sum of flows in minor units, discounted to a day, before rounding."""
    with localcontext(prec=DIGITS):
        years = [(Decimal((day - start).days) / DAYS_PER_YEAR, amount) for day, amount in flows]
        return sum((Decimal(amount) / (1 + yearly_rate) ** year for year, amount in years), Decimal(0))


def loss_given_default(present: Decimal, exposure_minor: int) -> Decimal:
    """Returns 1 - present value / exposure, rounded to a millionth."""
    with localcontext(prec=DIGITS):
        return (1 - present / exposure_minor).quantize(MILLIONTH, ROUND_HALF_EVEN)


def numbered_proceeds(entries: Sequence[Entry]) -> Mapping[int, Proceeds]:
    """Returns all proceeds by their numbers from 1."""
    found = [entry.details.proceeds for entry in entries if entry.details.proceeds is not None]
    return dict(enumerate(found, 1))


def corrected_numbers(entries: Sequence[Entry]) -> frozenset[int]:
    """Returns the numbers of the proceeds that later ones replace."""
    return frozenset(one.corrects for one in numbered_proceeds(entries).values() if one.corrects)


def counted_proceeds(entries: Sequence[Entry]) -> list[Proceeds]:
    """Returns the proceeds that no later ones replace."""
    corrected = corrected_numbers(entries)
    return [one for number, one in numbered_proceeds(entries).items() if number not in corrected]


def expected_after(entries: Sequence[Entry]) -> Expected | None:
    """Returns what is still expected after the entries: the last that was stated, less the net proceeds since."""
    expected = None
    for entry in entries:
        if entry.details.expected is not None:
            expected = entry.details.expected
        elif expected is not None and (proceeds := entry.details.proceeds) is not None:
            net = proceeds.loan_minor - proceeds.cost_minor
            if proceeds.corrects:
                replaced = numbered_proceeds(entries)[proceeds.corrects]
                net -= replaced.loan_minor - replaced.cost_minor
            expected = Expected(max(expected.minor - max(net, 0), 0), expected.day)
    return expected if expected is not None and expected.minor else None


def _items(disposal: Disposal, state: DisposalState, counted: Sequence[Proceeds], expected: int) -> list[ItemResult]:
    finished = {one.asset_id for one in counted if one.finishes_asset}
    if state is DisposalState.CLOSED:
        finished = {item.asset_id for item in disposal.items}
    shares = _shares([item for item in disposal.items if item.asset_id not in finished], expected)
    found = []
    for item in disposal.items:
        own = [one for one in counted if one.asset_id == item.asset_id and one.is_of_collateral]
        found.append(
            ItemResult(
                item=item,
                net_minor=sum(one.amount_minor - one.cost_minor for one in own),
                expected_minor=shares.get(item.asset_id, 0),
                days=_days(disposal.default, own),
                is_finished=item.asset_id in finished,
                buyer_related=any(one.buyer_related for one in own),
            )
        )
    return found


def _shares(items: Sequence[DisposalItem], expected: int) -> dict[str, int]:
    """Returns the share of what is expected of each asset, in proportion to the known market values, rounded down."""
    values = {item.asset_id: item.at_default.market_minor for item in items if item.at_default.is_known}
    total = sum(values.values())
    return {asset_id: expected * value // total for asset_id, value in values.items()} if total else {}


def _days(start: date, proceeds: Sequence[Proceeds]) -> int | None:
    return (max(one.day for one in proceeds) - start).days if proceeds else None


def _ratio(net: int, value: int, *, is_known: bool) -> Decimal | None:
    """Returns a ratio to a millionth, rounded down, so that a shortfall never looks like a promise that held."""
    return (Decimal(net) / Decimal(value)).quantize(MILLIONTH, ROUND_FLOOR) if is_known and value > 0 else None
