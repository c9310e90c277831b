"""Conversion of amounts in a reporting currency, with the rates behind them."""

from __future__ import annotations

from decimal import Decimal, localcontext

from collateral_registry.domain.prices.exchange_rates import FxLeg, series_id_of
from collateral_registry.domain.reports.reporting_currency import ReportingRate, ReportingTotal
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import common_pb2, report_pb2 as pb, valuation_pb2
from valuation.errors import InvalidInput

RATE_DIGITS = 12
"""Significant digits of a rate that is shown; amounts are converted by the quotes."""


def checked_reporting_currency(code: str) -> str:
    """Returns a currency code, which may be empty; raises InvalidInput for an unknown one."""
    if code:
        try:
            digits_of(code)
        except InvalidInput as error:
            raise error.named(lambda _: "reporting_currency_code") from None
    return code


def reporting_total_message(total: ReportingTotal) -> pb.ReportingTotal:
    """Returns the totals in the reporting currency as a message."""
    currency = total.rates.currency
    sums = {
        "exposure": total.exposure_minor,
        "market_value": total.market_minor,
        "lendable_value": total.lendable_minor,
        "cash_cure": total.cash_cure_minor,
    }
    return pb.ReportingTotal(
        currency_code=currency,
        coverage=common_pb2.COVERAGE_KNOWN if total.is_known else common_pb2.COVERAGE_UNKNOWN,
        rates=[_rate_message(rate) for rate in total.rates.by_currency.values()],
        **{name: convert.money(minor, currency) for name, minor in sums.items() if minor is not None},
    )


def _rate_message(rate: ReportingRate) -> pb.ReportingRate:
    has_rate = bool(rate.legs) or rate.problem is None
    with localcontext(prec=RATE_DIGITS):
        shown = Decimal(rate.factor.numerator) / Decimal(rate.factor.denominator)
    return pb.ReportingRate(
        currency_code=rate.currency,
        problem=int(rate.problem or 0),
        rate=convert.decimal(shown.normalize()) if has_rate else None,
        legs=[_leg_message(leg) for leg in rate.legs],
        date=convert.day(rate.day) if rate.day is not None else None,
    )


def _leg_message(leg: FxLeg) -> valuation_pb2.FxLeg:
    return valuation_pb2.FxLeg(
        price_series=f"priceSeries/{series_id_of(leg.base, leg.quote)}",
        inverse=leg.inverse,
        rate=convert.number(leg.rate),
        date=convert.day(leg.day),
        base_currency_code=leg.base,
        quote_currency_code=leg.quote,
    )
