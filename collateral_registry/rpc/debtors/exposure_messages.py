"""Conversion of the exposure to a debtor to a message."""

from __future__ import annotations

from collateral_registry.commands.debtors.exposure import DebtorExposure, PoolExposure
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.moments import market_date
from collateral_registry.v1 import debtor_pb2 as pb


def exposure_message(found: DebtorExposure) -> pb.DebtorExposure:
    """Returns an exposure as a message."""
    message = pb.DebtorExposure(
        debtor=f"debtors/{found.debtor_id}",
        sequence=found.moment.seq,
        market_date=market_date(found.moment),
        pools=[_pool(one, has_line=found.line is not None) for one in found.pools],
        totals=[_total(found, currency) for currency in sorted({one.asset.currency for one in found.pools})],
    )
    if found.line is not None:
        expire = convert.day(found.line_expire_day)
        message.line.CopyFrom(pb.DebtorLine(amount=convert.optional_money(found.line), expire_date=expire))
        message.claimed_amount.CopyFrom(convert.money(found.claimed_minor, found.line.currency))
        message.headroom.CopyFrom(convert.money(found.headroom_minor, found.line.currency))
    return message


def _pool(one: PoolExposure, *, has_line: bool) -> pb.PoolExposure:
    currency = one.asset.currency
    names = ("open", "late", "excluded", "unknown", "eligible", "lendable", *(("claimed",) if has_line else ()))
    amounts = {f"{name}_amount": convert.money(getattr(one, f"{name}_minor"), currency) for name in names}
    return pb.PoolExposure(
        asset=f"assets/{one.asset.asset_id}",
        owner=one.asset.owner,
        sequence=one.seq,
        invoice_count=one.invoices,
        unknown_reasons=convert.unknown_reasons(one.unknown),
        **amounts,
    )


def _total(found: DebtorExposure, currency: str) -> pb.ExposureTotal:
    own = [one for one in found.pools if one.asset.currency == currency]
    sums = {
        name: sum(getattr(one, f"{name}_minor") for one in own) for name in ("open", "late", "eligible", "lendable")
    }
    amounts = {f"{name}_amount": convert.money(minor, currency) for name, minor in sums.items()}
    return pb.ExposureTotal(pool_count=len(own), **amounts)
