"""Fits a renewal model to the fee histories in a file, and writes the value that each history implies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.file_schemas import SCHEMAS, Row
from collateral_registry.exports.cells import CsvWriter
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.ip.relief_from_royalty import RATE_LIMIT
from valuation.ip.renewal import FIT_FEES_LEAST, RenewalFit, annuities
from valuation.ip.renewal_history import EVIDENCE, HistoryFlag, ImpliedValues, fit_histories, implied_values
from valuation.tables.reader import NumberedRow, read_file

HEADER = ("id", "years_paid", "lapsed", "value", "value_low", "value_high", "flags")

FILE_LIMIT = 16 * 1024 * 1024
"""Maximum number of bytes of a file."""

HISTORIES_LIMIT = 200_000
FEE_YEARS_LIMIT = 100
ID_LIMIT = 200

RELIABLE_COHORT = 500
"""Below this number of IP assets the fit is unreliable; see docs/models/ip-renewal.md."""

YEARS = re.compile(r"\d{1,3}", re.ASCII)
AMOUNT = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
BOOLEANS = {"yes": True, "no": False}


@dataclass
class FeeHistories:
    """Fee histories [n]: the id, the last year paid, and whether the IP asset lapsed for lack of the next fee."""

    ids: list[str] = field(default_factory=list)
    years_paid: list[int] = field(default_factory=list)
    lapsed: list[bool] = field(default_factory=list)


def run_renewal(
    families: Path, office: str, kind: str, fees_file: Path | None, discount_rate: float, output: Path
) -> None:
    """Fits the model, writes one row per IP asset, and prints the fit and the limits of its evidence.

    Raises ValueError for an invalid file or option, and OSError if a file cannot be read or written.
    """
    right_kind = _kind(kind)
    if not 0.0 <= discount_rate <= RATE_LIMIT:
        raise InvalidInput("--discount-rate", discount_rate, f"0 to {RATE_LIMIT:g}")
    if not office and not fees_file:
        raise InvalidInput("--office", "nothing", "an office with a table of yearly fees, such as CN, or --fees")
    fees = read_fees(fees_file) if fees_file else annuities(office.upper(), right_kind)
    histories = read_histories(families, len(fees))
    fit = fit_histories(histories.years_paid, histories.lapsed, fees)
    values = implied_values(histories.years_paid, histories.lapsed, fit, discount_rate, fees)
    _write(output, histories, values)
    print_line(f"wrote {len(histories.ids)} IP assets to {output}", to_stderr=True)
    print_line(f"{fees_file.name if fees_file else office.upper()} {right_kind.name}: {fit_line(histories, fit)}")
    print_line(EVIDENCE)
    if len(histories.ids) < RELIABLE_COHORT:
        print_line(
            f"Fewer than {RELIABLE_COHORT} IP assets: values may be several times too high or low.", to_stderr=True
        )


def read_histories(path: Path, fees: int) -> FeeHistories:
    """Reads the fee histories of a file; ``fees`` is the number of yearly fees.

    Raises ValueError naming the file, line, field, value and rule.
    """
    histories, line_of = FeeHistories(), dict[str, int]()
    for row in _rows(path, "renewal", HISTORIES_LIMIT):
        try:
            one, years, lapsed = _parse_history(row.values, fees)
            if one in line_of:
                raise InvalidInput("id", repr(one[:40]), f"each IP asset once; it is also on line {line_of[one]}")
        except ValueError as error:
            raise ValueError(f"{path.name}:{row.line}: {error}") from None
        line_of[one] = row.line
        histories.ids.append(one)
        histories.years_paid.append(years)
        histories.lapsed.append(lapsed)
    return histories


def read_fees(path: Path) -> tuple[float, ...]:
    """Reads the yearly fees of a file, from the first year; raises ValueError as ``read_histories`` does."""
    fees: list[float] = []
    for row in _rows(path, "yearly_fees", FEE_YEARS_LIMIT):
        try:
            fees.append(_parse_fee(row.values, len(fees) + 1))
        except ValueError as error:
            raise ValueError(f"{path.name}:{row.line}: {error}") from None
    if len(fees) < FIT_FEES_LEAST:
        raise ValueError(f"{path.name}: fees: got {len(fees)} years, want at least {FIT_FEES_LEAST}")
    return tuple(fees)


def fit_line(histories: FeeHistories, fit: RenewalFit) -> str:
    """Formats the fit as one line: counts, parameters of lognormal first returns, obsolescence, log likelihood."""
    return (
        f"{len(histories.ids)} IP assets, {histories.lapsed.count(False)} not lapsed, log mean {fit.log_mean:.4f}, "
        f"log sd {fit.log_sd:.4f}, obsolescence {fit.obsolescence:.4f}, log likelihood {fit.log_likelihood:.4f}"
    )


def _kind(text: str) -> RightKind:
    try:
        return RightKind[text.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(kind.name.lower() for kind in RightKind)
        raise InvalidInput("--kind", repr(text[:40]), f"one of {known}") from None


def _rows(path: Path, file_kind: str, max_rows: int) -> list[NumberedRow]:
    """Returns the rows of a file; raises ValueError for a refused row, or a file beyond the limits."""
    schema = replace(SCHEMAS[file_kind], max_rows=max_rows, max_bytes=FILE_LIMIT)
    return list(read_file(path, schema).complete().rows())


def _parse_history(row: Row, fees: int) -> tuple[str, int, bool]:
    if not 0 < len(row["id"]) <= ID_LIMIT:
        raise InvalidInput("id", f"{len(row['id'])} characters", f"1 to {ID_LIMIT}")
    paid, lapsed_text = row["years_paid"], row["lapsed"]
    if not YEARS.fullmatch(paid) or int(paid) > fees:
        raise InvalidInput("years_paid", repr(paid[:40]), f"a whole number, 0 to {fees}")
    if lapsed_text.lower() not in BOOLEANS:
        raise InvalidInput("lapsed", repr(lapsed_text[:40]), "yes or no")
    lapsed = BOOLEANS[lapsed_text.lower()]
    if lapsed and int(paid) == fees:
        raise InvalidInput("lapsed", repr(lapsed_text), f"no: all {fees} fees are paid, so none is left to lapse for")
    return row["id"], int(paid), lapsed


def _parse_fee(row: Row, year: int) -> float:
    if not YEARS.fullmatch(row["year"]) or int(row["year"]) != year:
        raise InvalidInput("year", repr(row["year"][:40]), f"{year}: every year from 1, in order")
    if not AMOUNT.fullmatch(row["fee"]) or not float(row["fee"]) > 0.0:
        raise InvalidInput("fee", repr(row["fee"][:40]), "more than 0, in plain digits such as 1200.50")
    return float(row["fee"])


def _write(path: Path, histories: FeeHistories, values: ImpliedValues) -> None:
    """Writes one row per IP asset; amounts have two decimals and are empty if no first return fits the history."""
    amounts: Sequence[list[str]] = [
        ["" if isnan(one) else f"{one:.2f}" for one in column.tolist()]
        for column in (values.value, values.low, values.high)
    ]
    lapsed = ["yes" if one else "no" for one in histories.lapsed]
    flags = map(_flag_names, values.flags.tolist())
    with path.open("w", encoding="utf-8", newline="") as file:
        CsvWriter(file).write(
            HEADER,
            *zip(histories.ids, histories.years_paid, lapsed, *amounts, flags, strict=True),
        )


def _flag_names(flags: int) -> str:
    return "|".join(flag.name or "" for flag in HistoryFlag if flags & flag)
