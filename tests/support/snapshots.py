"""Snapshots of small books, built from plain loans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.reports.snapshot import (
    COVER_NAMES,
    PLACE_TEXTS,
    Changes,
    Snapshot,
    Words,
    brought_forward,
    empty_snapshot,
)
from collateral_registry.domain.shared.days import NO_DAY

SEQ = 7


@dataclass(frozen=True)
class PlainLoan:
    """A loan with its claims, each a good, a warehouse, a class, a country and a lendable value."""

    currency: str = "USD"
    borrower: str = "Acme"
    exposure: int = 0
    level: int = 0
    unknown: int = 0
    deadline: int = NO_DAY
    quality: int = 0
    claims: Sequence[tuple[str, str, str, str, int]] = ()


def snapshot_of(loans: Sequence[PlainLoan]) -> Snapshot:
    """Returns the snapshot of loans named loan-0, loan-1, and so on; a claim is worth twice its lendable value."""
    words = Words()
    keys = np.arange(1, len(loans) + 1, dtype=np.int64)
    lendable = np.array([sum(claim[-1] for claim in loan.claims) for loan in loans], dtype=np.int64)
    covers = {name: np.zeros(len(loans), dtype=np.int64) for name in COVER_NAMES}
    covers |= {
        "loan_key": keys,
        "seq": np.full(len(loans), SEQ),
        "exposure_minor": _column(loan.exposure for loan in loans),
        "lendable_minor": lendable,
        "market_minor": 2 * lendable,
        "level": _column(loan.level for loan in loans),
        "coverage_unknown": _column(loan.unknown > 0 for loan in loans),
        "unknown": _column(loan.unknown for loan in loans),
        "quality": _column(loan.quality for loan in loans),
        "deadline_day": _column(loan.deadline for loan in loans),
        "basis": np.full(len(loans), int(LtvBasis.LENDABLE)),
        "margin_call_ppm": np.full(len(loans), 1_000_000),
        "base_minor": np.full(len(loans), NO_BASE),
    }
    terms = {
        "loan_key": keys,
        "seq": np.full(len(loans), SEQ),
        "loan_id": words.loan_id.numbers(np.array([f"loan-{n}" for n in range(len(loans))], dtype=object)),
        "borrower": words.borrower.numbers(np.array([loan.borrower for loan in loans], dtype=object)),
        "currency": words.currency.numbers(np.array([loan.currency for loan in loans], dtype=object)),
        "state": np.full(len(loans), int(LoanState.ACTIVE)),
    }
    pledged = [(key, claim) for key, loan in zip(keys.tolist(), loans, strict=True) for claim in loan.claims]
    assets = np.arange(1, len(pledged) + 1, dtype=np.int64)
    claims = {
        "pledge_key": assets,
        "seq": np.full(len(pledged), SEQ),
        "loan_key": _column(key for key, _ in pledged),
        "asset_key": assets,
        "lendable_minor": _column(claim[-1] for _, claim in pledged),
    }
    places = {"asset_key": assets, "seq": np.full(len(pledged), SEQ)}
    for place, name in enumerate(PLACE_TEXTS):
        texts = np.array([claim[place] for _, claim in pledged], dtype=object)
        places[name] = getattr(words, name).numbers(texts)
    return brought_forward(empty_snapshot(words), SEQ, Changes(terms, covers, claims, places))


def _column(values) -> np.ndarray:
    return np.array([int(value) for value in values], dtype=np.int64)


claims = st.tuples(
    st.sampled_from(["copper", "zinc", "wheat"]),
    st.sampled_from(["W-1", "W-2", ""]),
    st.sampled_from(["inventory.base_metal", "inventory.grain"]),
    st.sampled_from(["", "CN", "PE"]),
    st.integers(0, 10**9),
)
loans = st.builds(
    PlainLoan,
    currency=st.sampled_from(["USD", "EUR", "JPY"]),
    borrower=st.sampled_from(["Acme", "Borealis", "Cobre"]),
    exposure=st.integers(0, 10**9),
    level=st.integers(0, 4),
    unknown=st.sampled_from([0, 1, 2, 5]),
    deadline=st.sampled_from([NO_DAY, 19_000, 19_001, 19_003, 19_006, 19_020]),
    quality=st.sampled_from([0, 1, 16]),
    claims=st.lists(claims, max_size=3),
)
books = st.lists(loans, min_size=1, max_size=12).map(snapshot_of)
"""Random books."""
