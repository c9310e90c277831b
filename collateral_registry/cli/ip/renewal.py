"""Families of rights from a CSV file: a renewal model fitted to them, and what each history implies."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import isnan
from pathlib import Path

from collateral_registry.cli.common.client import tell
from collateral_registry.cli.common.csv_rows import NumberedRow, Row, read_rows
from collateral_registry.cli.common.formatting import neutral
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.ip.relief_from_royalty import RATE_LIMIT
from valuation.ip.renewal import FIT_FEES_LEAST, RenewalFit, annuities
from valuation.ip.renewal_history import EVIDENCE, HistoryFlag, ImpliedValues, fit_histories, implied_values

HEADER = ("id", "years_paid", "lapsed", "value", "value_low", "value_high", "flags")

FILE_LIMIT = 16 * 1024 * 1024
"""Most characters of a file."""

RIGHTS_LIMIT = 200_000
FEE_YEARS_LIMIT = 100
ID_LIMIT = 200

FEW_RIGHTS = 500
"""With fewer, simulated cohorts had values several times too high or too low."""

YEARS = re.compile(r"\d{1,3}", re.ASCII)
AMOUNT = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
ANSWERS = {"yes": True, "no": False}


@dataclass
class Rights:
    """Rights [n] as read: id, newest year paid, and whether they lapsed for want of the next."""

    ids: list[str] = field(default_factory=list)
    years_paid: list[int] = field(default_factory=list)
    lapsed: list[bool] = field(default_factory=list)


def run_renewal(
    families: Path, office: str, kind: str, fees_file: Path | None, discount_rate: float, output: Path
) -> None:
    """Fits the model, writes a row for each right, prints the fit and what no reader may forget of such values.

    Raises ValueError for what is wrong in a file or an option, OSError for a file that cannot be read or written.
    """
    right_kind = _kind(kind)
    if not 0.0 <= discount_rate <= RATE_LIMIT:
        raise InvalidInput("--discount-rate", discount_rate, f"0 to {RATE_LIMIT:g}")
    if not office and not fees_file:
        raise InvalidInput("--office", "nothing", "an office with a table of yearly fees, such as CN, or --fees")
    fees = read_fees(fees_file) if fees_file else annuities(office.upper(), right_kind)
    rights = read_rights(families, len(fees))
    fit = fit_histories(rights.years_paid, rights.lapsed, fees)
    values = implied_values(rights.years_paid, rights.lapsed, fit, discount_rate, fees)
    _write(output, rights, values)
    tell(f"{fees_file.name if fees_file else office.upper()} {right_kind.name}: {fit_line(rights, fit)}")
    tell(EVIDENCE)
    if len(rights.ids) < FEW_RIGHTS:
        tell(f"Fewer than {FEW_RIGHTS} rights: the fit may put values several times too high or low.", aside=True)


def read_rights(path: Path, fees: int) -> Rights:
    """The rights of a file, for so many yearly fees; raises ValueError naming file, line, field, value and rule."""
    rights, line_of = Rights(), dict[str, int]()
    for row in _rows(path, "renewal", RIGHTS_LIMIT):
        try:
            one, years, lapsed = _right(row.fitting, fees)
            if one in line_of:
                raise InvalidInput("id", repr(one[:40]), f"each right once; line {line_of[one]} has it")
        except ValueError as error:
            raise ValueError(f"{path.name}:{row.line}: {error}") from None
        line_of[one] = row.line
        rights.ids.append(one)
        rights.years_paid.append(years)
        rights.lapsed.append(lapsed)
    return rights


def read_fees(path: Path) -> tuple[float, ...]:
    """The fee of each year from the first, of a file with year and fee; raises ValueError as ``read_rights`` does."""
    fees: list[float] = []
    for row in _rows(path, "yearly_fees", FEE_YEARS_LIMIT):
        try:
            fees.append(_fee(row.fitting, len(fees) + 1))
        except ValueError as error:
            raise ValueError(f"{path.name}:{row.line}: {error}") from None
    if len(fees) < FIT_FEES_LEAST:
        raise ValueError(f"{path.name}: fees: got {len(fees)} years, want at least {FIT_FEES_LEAST}")
    return tuple(fees)


def fit_line(rights: Rights, fit: RenewalFit) -> str:
    """A fit in a line: the lognormal of first returns, the obsolescence and the log likelihood."""
    return (
        f"{len(rights.ids)} rights, {rights.lapsed.count(False)} not lapsed, log mean {fit.log_mean:.4f}, "
        f"log sd {fit.log_sd:.4f}, obsolescence {fit.obsolescence:.4f}, log likelihood {fit.log_likelihood:.4f}"
    )


def _kind(text: str) -> RightKind:
    try:
        return RightKind[text.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(kind.name.lower() for kind in RightKind)
        raise InvalidInput("--kind", repr(text[:40]), f"one of {known}") from None


def _rows(path: Path, facts: str, most: int) -> list[NumberedRow]:
    """The rows of a file that is no larger and no longer than its limits; raises ValueError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read(FILE_LIMIT + 1)
        read = read_rows(io.StringIO(text, newline=""), facts) if len(text) <= FILE_LIMIT else ()
        rows = list(islice(read, most + 1))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    if len(text) > FILE_LIMIT or len(rows) > most:
        raise ValueError(f"{path.name}: file: got a longer one, want at most {most} rows and {FILE_LIMIT} characters")
    return rows


def _right(row: Row, fees: int) -> tuple[str, int, bool]:
    if not 0 < len(row["id"]) <= ID_LIMIT:
        raise InvalidInput("id", f"{len(row['id'])} characters", f"1 to {ID_LIMIT}")
    paid, answer = row["years_paid"], row["lapsed"]
    if not YEARS.fullmatch(paid) or int(paid) > fees:
        raise InvalidInput("years_paid", repr(paid[:40]), f"a whole number, 0 to {fees}")
    if answer.lower() not in ANSWERS:
        raise InvalidInput("lapsed", repr(answer[:40]), "yes or no")
    lapsed = ANSWERS[answer.lower()]
    if lapsed and int(paid) == fees:
        raise InvalidInput("lapsed", repr(answer), f"no: after all {fees} fees there is none left to lapse for")
    return row["id"], int(paid), lapsed


def _fee(row: Row, year: int) -> float:
    if not YEARS.fullmatch(row["year"]) or int(row["year"]) != year:
        raise InvalidInput("year", repr(row["year"][:40]), f"{year}: every year from 1 on, in order")
    if not AMOUNT.fullmatch(row["fee"]) or not float(row["fee"]) > 0.0:
        raise InvalidInput("fee", repr(row["fee"][:40]), "more than 0, in plain digits such as 1200.50")
    return float(row["fee"])


def _write(path: Path, rights: Rights, values: ImpliedValues) -> None:
    """Writes a row for each right; amounts have two decimals, and none where no first return fits."""
    amounts: Sequence[list[str]] = [
        ["" if isnan(one) else f"{one:.2f}" for one in column.tolist()]
        for column in (values.value, values.low, values.high)
    ]
    answers = ["yes" if one else "no" for one in rights.lapsed]
    ids = map(neutral, rights.ids)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(
            zip(ids, rights.years_paid, answers, *amounts, map(_words, values.flags.tolist()), strict=True)
        )


def _words(flags: int) -> str:
    return "|".join(flag.name or "" for flag in HistoryFlag if flags & flag)
