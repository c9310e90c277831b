"""The rates that convert a report into one currency, as known at its moment."""

from __future__ import annotations

from collections.abc import Iterable

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.prices.exchange_rates import fx_paths
from collateral_registry.domain.reports.reporting_currency import ReportingRate, ReportingRates, reporting_rate
from collateral_registry.store.book.policies import get_policy
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.past_rates import quoted_rates_by


def reporting_rates(
    connection: Connection, moment: Moment, reporting_currency: str, currencies: Iterable[str]
) -> ReportingRates:
    """Returns the conversion of each currency at a moment, by the policy in force then.

    Before the first policy there are no loans, so nothing needs to be converted.
    """
    codes = sorted(currencies)
    others = {code: (code, reporting_currency) for code in codes if code != reporting_currency}
    own = {reporting_currency: ReportingRate(reporting_currency)} if reporting_currency in codes else {}
    if not others or not moment.policy_id:
        return ReportingRates(reporting_currency, own)
    max_age_days = get_policy(connection, moment.policy_id).policy.rule_days("fx_max_age_days")
    quotes = fx_paths(quoted_rates_by(connection, moment.seq), others.values(), max_age_days)
    oldest = moment.market_day - max_age_days
    found = {code: reporting_rate(code, quotes[pair], oldest) for code, pair in others.items()}
    return ReportingRates(reporting_currency, {code: {**own, **found}[code] for code in codes})
