"""Invented debtors, ledgers and assignments of the sample's pools of receivables, from a fixed seed.

A borrower reports on Monday, Wednesday and Friday: a new invoice, and the payments and credit notes since the last
report. So no pool ever has a ledger that is too old.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from collateral_registry.domain.debtors.identifiers import credit_code_check

SEED = 20_211_231
FIRST, OPENING, LAST = date(2021, 7, 2), date(2021, 12, 31), date(2022, 12, 30)
REPORT_WEEKDAYS = (0, 2, 4)
SEARCH_EVERY_DAYS = 28
"""A search of the registry is too old after 30 days by the default policy."""

REGISTRY = "national notice registry"
REGISTERED, NOTIFIED = date(2021, 12, 15), date(2021, 12, 20)
ACKNOWLEDGED = (date(2021, 12, 29), date(2022, 3, 30), date(2022, 6, 29), date(2022, 9, 28), date(2022, 12, 28))
REGISTRATION_EXPIRES = date(2026, 12, 15)
COMMERCIAL_INVOICE = 380
CREDITED_SHARE, LATE_DELIVERY_SHARE = 0.06, 0.08
"""Shares of invoices of which a part is credited, and whose goods arrive after the invoice.

An invoice states the day on which its goods arrive, so that it is never unknown whether they did.
"""

TYPICAL_AMOUNT, AMOUNT_SPREAD = 10_000, 0.35
STEP_AMOUNT = 10
"""Amounts are multiples of it."""


def lei_of(number: int) -> str:
    """Returns an invented legal entity identifier with right check digits; no issuer has the prefix 0000."""
    first = f"000000INVENTED{number:04d}"
    digits = "".join(str(int(one, 36)) for one in first + "00")
    return f"{first}{98 - int(digits) % 97:02d}"


def vat_of(number: int) -> str:
    """Returns an invented German VAT number with a right check digit; none that was issued begins with 0."""
    first = f"0000{number:04d}"
    product = 10
    for digit in map(int, first):
        product = ((product + digit) % 10 or 10) * 2 % 11
    return f"DE{first}{(11 - product) % 10}"


def credit_code_of(number: int) -> str:
    """Returns an invented unified social credit code with a right check character; no region has the code 000000."""
    first = f"91000000MADEUP{number:03d}"
    return first + credit_code_check(first)


@dataclass(frozen=True)
class SampleDebtor:
    """Invented debtor: what is registered of it, its part of a pool's sales, and how it pays.

    ``late_days`` is the mean of the days late, which are negative for a debtor that pays early. From the due day
    ``slow_from`` on it pays ``slow_days`` later, but at the latest on ``slow_until``.
    """

    debtor_id: str
    name: str
    country: str
    identifiers: tuple[tuple[str, str], ...]
    default_probability: str = ""
    sales_share: float = 0.0
    terms_days: int = 30
    late_days: float = 0.0
    core_firm: bool = False
    slow_from: date | None = None
    slow_until: date | None = None
    slow_days: int = 0

    def row(self) -> dict[str, object]:
        """Returns the row of the debtor in ``debtors.csv``."""
        rated = {"pd": self.default_probability, "pd_source": "invented", "pd_date": OPENING}
        return {
            "debtor_id": self.debtor_id, "name": self.name, "country": self.country, "independent": "yes", "kind": "FIRM",
            "core_firm": "yes" if self.core_firm else "", **dict(self.identifiers),
            **(rated if self.default_probability else {}), "usual_terms_days": self.terms_days if self.sales_share else "",
        }  # fmt: skip

    def payment_day(self, due: date, noise: float) -> date:
        """Returns the day on which it pays an invoice; ``noise`` is a standard normal number."""
        paid = due + timedelta(days=round(self.late_days + 5 * noise))
        if self.slow_from is None or self.slow_until is None or due < self.slow_from:
            return paid
        return max(paid, min(paid + timedelta(days=self.slow_days), self.slow_until))


@dataclass(frozen=True)
class SamplePool:
    """Invented pool of a firm: its debtors, how they are named in the ledger, and its open amount at the opening.

    ``acknowledging`` is a debtor that acknowledges the invoices of a quarter. ``disputed`` states the debtor, the day
    from which its next invoice is disputed, and the day on which the dispute ends.
    """

    firm_key: str
    owner: SampleDebtor
    currency: str
    opening_amount: int
    debtors: tuple[SampleDebtor, ...]
    stated_as: str
    acknowledging: str
    disputed: tuple[str, date, date]

    @property
    def asset_id(self) -> str:
        """Id of the pool."""
        return f"pool-{self.firm_key}"

    def asset_row(self) -> dict[str, object]:
        """Returns the row of the pool in ``assets.csv``."""
        return {
            "asset_id": self.asset_id, "kind": "RECEIVABLE_POOL", "class": "receivable.trade", "currency": self.currency,
            "description": "receivables from deliveries", "owner_debtor": self.owner.debtor_id,
            "invoice_feed": "trade-platform", "recourse": "WITH_RECOURSE", "disclosure": "DISCLOSED",
        }  # fmt: skip

    def stated(self, debtor: SampleDebtor) -> str:
        """Returns a debtor as the ledger states it: by its id, or by an identifier of the scheme if it has one."""
        value = dict(debtor.identifiers).get(self.stated_as)
        return f"{self.stated_as}:{value}" if value else debtor.debtor_id


POOLS = (
    SamplePool(
        "meridian-parts",
        SampleDebtor("meridian-parts", "Meridian Parts Ltd", "US", (("lei", lei_of(1)),)),
        "USD",
        275_000,
        (
            SampleDebtor(
                "continental-assembly", "Continental Assembly Inc", "US", (("lei", lei_of(11)),), "0.004", 0.32, 45, 3,
                core_firm=True,
            ),
            SampleDebtor(
                "lakeside-motors", "Lakeside Motors LLC", "US", (("lei", lei_of(12)),), "0.025", 0.26, 45, 6,
                slow_from=date(2022, 8, 22), slow_until=date(2022, 12, 14), slow_days=60,
            ),
            SampleDebtor("prairie-pump", "Prairie Pump Works Inc", "US", (("lei", lei_of(13)),), "0.012", 0.22, 30, 4),
            SampleDebtor("tidewater-rail", "Tidewater Rail Supply Co", "US", (("lei", lei_of(14)),), "0.009", 0.20, 30, 1),
        ),
        "",
        "continental-assembly",
        ("prairie-pump", date(2022, 3, 14), date(2022, 4, 11)),
    ),
    SamplePool(
        "atlas-export",
        SampleDebtor("atlas-export", "Atlas Export Trading", "DE", (("vat", vat_of(1)),)),
        "EUR",
        210_000,
        (
            SampleDebtor("baumann-kabel", "Baumann Kabel AG", "DE", (("vat", vat_of(11)),), "0.006", 0.30, 45, 2),
            SampleDebtor("rheintal-draht", "Rheintal Draht GmbH", "DE", (("vat", vat_of(12)),), "0.010", 0.24, 30, 5),
            SampleDebtor("ostwerk-elektro", "Ostwerk Elektro GmbH", "DE", (("vat", vat_of(13)),), "0.018", 0.20, 30, 8),
            SampleDebtor("nordhafen-lift", "Nordhafen Lift KG", "DE", (("vat", vat_of(14)),), "0.015", 0.18, 30, 3),
            SampleDebtor("jiaxing-cable", "Jiaxing Cable Works Co", "CN", (("uscc", credit_code_of(15)),), "0.020", 0.08, 60, 4),
        ),
        "vat",
        "baumann-kabel",
        ("baumann-kabel", date(2022, 5, 9), date(2022, 6, 10)),
    ),
)  # fmt: skip
"""The pools. Jiaxing Cable Works is abroad and not insured, so its invoices do not count."""


def debtor_rows() -> list[dict[str, object]]:
    """Returns the rows of all debtors; the owners of the pools are debtors too, from which their country follows."""
    return [debtor.row() for pool in POOLS for debtor in (pool.owner, *pool.debtors)]


@dataclass(frozen=True)
class Sale:
    """An invoice and what becomes of it; days are report days. Without an event its day is None."""

    debtor: SampleDebtor
    number: str
    amount: int
    issued: date
    due: date
    paid: date
    delivered: date
    credited: date | None
    credit: int
    disputed: tuple[date, date] | None

    def entries(self, pool: SamplePool) -> Iterator[dict[str, object]]:
        """Yields the entries in the ledger of a pool."""
        days = {"issued": self.issued, "due": self.due, "delivered": self.delivered}
        yield self._entry(pool, "INVOICE", self.issued, self.amount, type=COMMERCIAL_INVOICE, **days)
        if self.credited is not None:
            yield self._entry(pool, "CREDIT_NOTE", self.credited, self.credit)
        if self.disputed is not None:
            yield self._entry(pool, "DISPUTE", self.disputed[0], self.amount // 2)
            yield self._entry(pool, "DISPUTE_END", self.disputed[1])
        yield self._entry(pool, "PAYMENT", self.paid, self.amount - self.credit)

    def _entry(self, pool: SamplePool, kind: str, day: date, amount: int = 0, **columns: object) -> dict[str, object]:
        money = {"amount": f"{amount}.00", "currency": pool.currency} if amount else {}
        named = {"pool": pool.asset_id, "kind": kind, "debtor": pool.stated(self.debtor), "number": self.number}
        return {"time": f"{day}T16:00:00Z", **named, **money, **columns}


def ledger_rows() -> list[dict[str, object]]:
    """Returns the rows of ``invoices.csv``: the entries of all pools by day."""
    return sorted((row for pool in POOLS for row in _ledger_of(pool)), key=lambda row: str(row["time"]))


def _ledger_of(pool: SamplePool) -> list[dict[str, object]]:
    """Returns the entries of a pool until the last day; what is open at the opening is near the stated amount."""
    plain = _open_amount(_sales(pool, 1.0))
    sales = _sales(pool, pool.opening_amount / plain)
    entries = sorted((one for sale in sales for one in sale.entries(pool)), key=lambda one: str(one["time"]))
    inside = [one for one in entries if str(one["time"])[:10] <= str(LAST)]
    return [{"entry": f"{pool.firm_key}-{at:04d}", **one} for at, one in enumerate(inside, start=1)]


def _open_amount(sales: Iterable[Sale]) -> int:
    """Returns what is open at the opening."""
    return sum(sale.amount for sale in sales if sale.issued <= OPENING < sale.paid)


def _sales(pool: SamplePool, scale: float) -> list[Sale]:
    """Returns a sale for each report day; the seed decides everything except the scale of the amounts."""
    random = np.random.default_rng([SEED, pool.opening_amount])
    shares = np.array([debtor.sales_share for debtor in pool.debtors])
    disputed_debtor, disputed_from, disputed_until = pool.disputed
    sales: list[Sale] = []
    for at, day in enumerate(_report_days(), start=1):
        debtor = pool.debtors[int(random.choice(len(shares), p=shares / shares.sum()))]
        sale = _sale(random, debtor, day, f"{day.year}-{at:03d}", scale)
        is_of_dispute = debtor.debtor_id == disputed_debtor and day >= disputed_from
        if is_of_dispute and not any(one.disputed for one in sales):
            begin = report_day(day + timedelta(days=9))
            paid = report_day(max(sale.paid, disputed_until + timedelta(days=5)))
            sale = replace(sale, disputed=(begin, report_day(disputed_until)), paid=paid)
        sales.append(sale)
    return sales


def _sale(random: np.random.Generator, debtor: SampleDebtor, day: date, number: str, scale: float) -> Sale:
    """Returns the sale of a day to a debtor, with a payment, and perhaps a credit note and a late delivery."""
    chance_of_credit, chance_of_delay, size_of_credit, days_to_credit = random.random(4).tolist()
    spread, lateness = random.standard_normal(2).tolist()
    amount = _rounded(TYPICAL_AMOUNT * scale * float(np.exp(AMOUNT_SPREAD * spread)))
    due = day + timedelta(days=debtor.terms_days)
    paid = report_day(debtor.payment_day(due, lateness))
    is_credited = chance_of_credit < CREDITED_SHARE
    credited = report_day(day + timedelta(days=5 + round(12 * days_to_credit)))
    return Sale(
        debtor=debtor,
        number=number,
        amount=amount,
        issued=day,
        due=due,
        paid=max(paid, credited),
        delivered=report_day(day + timedelta(days=2)) if chance_of_delay < LATE_DELIVERY_SHARE else day,
        credited=credited if is_credited else None,
        credit=_rounded(amount * (0.03 + 0.09 * size_of_credit)) if is_credited else 0,
        disputed=None,
    )


def _rounded(amount: float) -> int:
    return max(round(amount / STEP_AMOUNT), 1) * STEP_AMOUNT


def _report_days() -> list[date]:
    days = (FIRST + timedelta(days=ahead) for ahead in range((LAST - FIRST).days + 1))
    return [day for day in days if day.weekday() in REPORT_WEEKDAYS]


def report_day(day: date) -> date:
    """Returns the first report day that is not before a day."""
    while day.weekday() not in REPORT_WEEKDAYS:
        day += timedelta(days=1)
    return day


def assignment_rows() -> list[dict[str, object]]:
    """Returns the rows of ``assignments.csv`` by day: registrations, notices, acknowledgements and searches."""
    return sorted((row for pool in POOLS for row in _assignment_of(pool)), key=lambda row: str(row["date"]))


def _assignment_of(pool: SamplePool) -> Iterator[dict[str, object]]:
    number = f"2021-AS-{POOLS.index(pool) + 1:03d}"
    registration = {"registry": REGISTRY, "registry_number": number, "expiry": REGISTRATION_EXPIRES}
    yield {"date": REGISTERED, "pool": pool.asset_id, "event": "REGISTERED", **registration}
    yield {"date": NOTIFIED, "pool": pool.asset_id, "event": "NOTICE_DELIVERED"}
    (debtor,) = (one for one in pool.debtors if one.debtor_id == pool.acknowledging)
    for day in ACKNOWLEDGED:
        yield {"date": day, "pool": pool.asset_id, "event": "ACKNOWLEDGED", "debtor": pool.stated(debtor)}
    for ahead in range(0, (LAST - OPENING).days + 1, SEARCH_EVERY_DAYS):
        day = OPENING + timedelta(days=ahead)
        yield {"date": day, "pool": pool.asset_id, "event": "SEARCH", "registry": REGISTRY}
