"""All signals with the thresholds of their alarms.

The thresholds are design choices: on simulated honest ledgers each signal raises few false alarms, and all together
less than one in a borrower-year. ``make bench-frauds`` measures them on other ledgers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.amounts import month_end_sales, round_amounts
from valuation.receivables.signals.cash_matching import posted_without_cash, unposted_cash
from valuation.receivables.signals.closing_gap import closing_gap
from valuation.receivables.signals.concentration_creep import concentration_creep
from valuation.receivables.signals.dilution_trend import dilution_trend
from valuation.receivables.signals.duplicates import duplicates
from valuation.receivables.signals.hollow_invoices import hollow_invoices
from valuation.receivables.signals.letters import denied_letters
from valuation.receivables.signals.new_debtors import new_debtors
from valuation.receivables.signals.numbering import irregular_numbers, skipped_numbers
from valuation.receivables.signals.re_ageing import re_ageing
from valuation.receivables.signals.reading import Reading
from valuation.receivables.signals.short_payments import short_payments
from valuation.receivables.signals.stopped_debtors import late_debtor, late_ledger


@dataclass(frozen=True)
class Signal:
    """A signal and the threshold above which its reading is an alarm."""

    name: str
    read: Callable[[Standing, float], Reading]
    threshold: float


SIGNALS = (
    Signal("DUPLICATES", duplicates, 6.0),
    Signal("IRREGULAR_NUMBERS", irregular_numbers, 3.0),
    Signal("SKIPPED_NUMBERS", skipped_numbers, 40.0),
    Signal("RE_AGEING", re_ageing, 3.0),
    Signal("ROUND_AMOUNTS", round_amounts, 3.2),
    Signal("MONTH_END_SALES", month_end_sales, 5.0),
    Signal("UNPOSTED_CASH", unposted_cash, 2.3),
    Signal("POSTED_WITHOUT_CASH", posted_without_cash, 4.0),
    Signal("LATE_LEDGER", late_ledger, 1.8),
    Signal("LATE_DEBTOR", late_debtor, 15.0),
    Signal("SHORT_PAYMENTS", short_payments, 2.8),
    Signal("HOLLOW_INVOICES", hollow_invoices, 2.9),
    Signal("NEW_DEBTORS", new_debtors, 3.1),
    Signal("CONCENTRATION_CREEP", concentration_creep, 80.0),
    Signal("DILUTION_TREND", dilution_trend, 7.4),
    Signal("CLOSING_GAP", closing_gap, 0.013),
    Signal("DENIED_LETTERS", denied_letters, 3.6),
)


def read_all(standing: Standing) -> dict[str, Reading]:
    """Returns the reading of every signal by its name."""
    return {signal.name: signal.read(standing, signal.threshold) for signal in SIGNALS}
