"""Certificate of a loan with a pool of 100,000 invoices: the ladder again, the walk, and the PDF for a committee.

``python -m benchmarks.receivables.certificate`` books the pool on a new SQLite database, submits a certificate that
differs in every line, and prints a JSON line with the milliseconds of processor time of each part (target: 1 s in all):
the statement of the pool computed again from its ledger as of the recorded commit, the submission with its recomputed
base and walk in one transaction, which judges the loan, the response, and the PDF in both languages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from benchmarks.receivables.commits import INVOICES, build
from collateral_registry.clock import wall_clock
from collateral_registry.commands.borrowing_base.certificates import create_certificate, submit_certificate
from collateral_registry.commands.loans.lending import change_terms
from collateral_registry.commands.pools.explain import explained_pool
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.borrowing_base.walk import ClassStatement, Statement
from collateral_registry.domain.loans.agreements import Loan
from collateral_registry.domain.receivables.rule_numbers import DEFAULT_VALUES, ReceivableNumbers
from collateral_registry.rpc.borrowing_base.certificate_messages import certificate_message
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import loan_pb2
from collateral_registry.web.pages.certificates.sentences import RECEIVABLES
from collateral_registry.web.pages.exports.certificates import Certified, write_certificate_file
from tests.support.books import FIRST
from tests.support.pool_books import PoolBook
from valuation.receivables.rules import Rule

T = TypeVar("T")
DEBTORS = 1_000
ROUNDS = 5
STATED = Statement({RECEIVABLES: ClassStatement(12_000_000_000, {rule.name: 1_000_000 for rule in Rule}, 850_000)})
"""A statement with an amount for each of the rules."""


def main() -> None:
    """Prints the median times of the parts."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'book.db'}"
        book = build(url, DEBTORS)
        book.do(lambda write: change_terms(write, "loan-1", "", _with_base))
        rounds = [_measure(book, url, Path(folder), number) for number in range(ROUNDS)]
        book.database.close()
    medians = {name: sorted(one[name] for one in rounds)[ROUNDS // 2] for name in rounds[0]}
    record = {"measure": "certificate", "invoices": INVOICES, **medians, "sum_ms": round(sum(medians.values()), 1)}
    print(json.dumps(record))


def _measure(book: PoolBook, url: str, folder: Path, number: int) -> dict[str, float]:
    """Returns the milliseconds of each part of a certificate."""
    name = f"c-{number}"
    book.do(lambda write: create_certificate(write, "loan-1", name, FIRST, FIRST))
    stored, submit_ms = _timed(lambda: book.do(lambda write: submit_certificate(write, "loan-1", name, STATED)))
    recomputed = stored.certificate.recomputed
    with closing(Database(url, wall_clock)) as after_start:
        again, ladder_ms = _timed(partial(_eligible_minor, after_start, recomputed.seq))
    line = recomputed.statement.classes[RECEIVABLES]
    if again != line.rest_minor:
        raise AssertionError(f"eligible: got {line.rest_minor}, want {again}, the sum over the invoices")
    message, message_ms = _timed(lambda: certificate_message(stored))
    loan = loan_pb2.Loan(name="loans/loan-1", borrower="Acme", currency_code="USD")
    found = Certified(message, loan, {RECEIVABLES: ReceivableNumbers(DEFAULT_VALUES)})
    times = {"ladder_ms": ladder_ms, "submit_ms": submit_ms, "message_ms": message_ms}
    for language in ("en", "zh"):
        out = folder / f"{language}.pdf"
        _, times[f"pdf_{language}_ms"] = _timed(partial(write_certificate_file, "pdf", language, found, out))
    return times


def _eligible_minor(database: Database, seq: int) -> int:
    """Returns the sum of what the rules leave of each invoice, computed from the ledger as of a commit."""
    with database.read() as connection:
        return int(explained_pool(connection, "acme", seq).ladder.conservative.buckets.eligible_minor.sum())


def _with_base(loan: Loan) -> Loan:
    return replace(loan, base_terms=BorrowingBaseTerms())


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """Returns the result of some work and its milliseconds of processor time, of which other work takes none."""
    start = time.process_time()
    found = work()
    return found, round((time.process_time() - start) * 1_000, 1)


if __name__ == "__main__":
    main()
