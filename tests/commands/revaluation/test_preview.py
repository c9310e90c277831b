"""A preview states exactly what a revaluation would record, and records nothing."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import MetaData, select

from collateral_registry.commands.book.policies import put_into_force, store_policy
from collateral_registry.commands.pipeline import curves
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.commands.revaluation.preview import PreviewBegin, PreviewJob, PreviewRows, preview_book
from collateral_registry.commands.revaluation.runs import finish_run, run_book, start_run
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.revaluation.previews import PREVIEW_FILTER, STEPS, PreviewSummary
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.loans.judgements import newest_judgements
from tests.support.books import FIRST, do
from valuation.haircuts.models.pooled import pooled_scale

NEWER_MODEL = "pooled-scale/99"


@pytest.fixture
def book(filled_book):
    """A book whose exchange rate is current, so that every value is known."""
    today = FIRST + timedelta(days=28)
    do(filled_book, lambda write: ingest_prices(write, [Quote(0, "fx-eur-usd", today, Decimal("1.12"))]))
    return filled_book


@pytest.fixture
def newer_model(book, monkeypatch):
    """Replaces the haircut model by a newer version whose losses are larger, as an upgrade of a filled book would."""
    assert book, "the book is filled first"

    def stricter(*args, **options):
        curve = pooled_scale(*args, **options)
        return replace(curve, loss=np.minimum(1.5 * curve.loss, 1.0))

    monkeypatch.setattr(curves, "pooled_scale", stricter)
    monkeypatch.setattr(curves, "MODEL_NAME", NEWER_MODEL)


WITH_ASSETS = PreviewJob(with_assets=True)


def preview(book, job=WITH_ASSETS, partition_assets=1_000):
    """Returns the beginning, the summary, the changed loans and the changed assets of a preview."""
    begin, *parts = preview_book(book, job, partition_assets)
    assert isinstance(begin, PreviewBegin)
    (summary,) = (part for part in parts if isinstance(part, PreviewSummary))
    rows = [part for part in parts if isinstance(part, PreviewRows)]
    loans, assets = (
        [
            dict(zip(columns, values, strict=True))
            for part in rows
            if (columns := getattr(part, kind)) is not None
            for values in zip(*(column.tolist() for column in columns.values()), strict=True)
        ]
        for kind in ("loans", "assets")
    )
    return begin, summary, loans, assets


def contents(book):
    """Returns all rows of all tables."""
    tables = MetaData()
    tables.reflect(book.engine)
    with book.read() as connection:
        rows = {table.name: connection.execute(select(table)).all() for table in tables.sorted_tables}
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


def judgements(book):
    with book.read() as connection:
        rows = newest_judgements(connection, np.arange(1, 100))
    return {key: {name: rows[name][row] for name in rows} for row, key in enumerate(rows["loan_key"].tolist())}


def draft_of(book, *, cost=None, **rules):
    """Stores a version of the policy in force with other rules, or with this cost haircut; returns its id."""
    with book.read() as connection:
        _, day = newest_commit(connection)
        policy = policy_in_force(connection, day).policy
    changed = {name: SourcedNumber(Decimal(value), "test") for name, value in rules.items()}
    own = {} if cost is None else {"cost_haircut": SourcedNumber(Decimal(cost), "test")}
    classes = {name: {**numbers, **own} for name, numbers in policy.classes.items()}
    rules = {**policy.rules, **changed}
    draft = replace(policy, policy_id="draft", effective=date(2021, 1, 1), rules=rules, classes=classes)
    do(book, lambda write: store_policy(write, draft))
    return draft.policy_id


def test_a_preview_of_a_book_that_is_up_to_date_changes_no_loan_and_no_asset(book):
    run_book(book, Author("test", "test"))
    _, summary, loans, assets = preview(book)

    assert (loans, assets, summary.moves, summary.changed_assets) == ([], [], {}, 0)
    assert summary.assets > 3
    assert sum(total.loans for total in summary.totals.values()) == 2


@pytest.mark.usefixtures("newer_model")
def test_a_preview_records_nothing(book):
    job = PreviewJob(draft_of(book, margin_call="0.95"), with_assets=True)
    before = contents(book)
    preview(book, job)

    assert contents(book) == before


@pytest.mark.usefixtures("newer_model")
@pytest.mark.parametrize("partition_assets", [1, 1_000])
def test_a_revaluation_after_an_upgrade_records_what_its_preview_stated(book, partition_assets):
    _, summary, loans, assets = preview(book, partition_assets=partition_assets)
    do(book, lambda write: start_run(write, accept_models=True))
    finish_run(book)
    recorded = judgements(book)

    assert loans
    assert assets
    for loan in loans:
        now = recorded[loan["loan_key"]]
        for name in ("level", "coverage_unknown", "exposure_minor", "market_minor", "lendable_minor", "unknown"):
            assert now[name] == loan[name], (loan["loan_id"], name)
    unchanged = recorded.keys() - {loan["loan_key"] for loan in loans}
    totals = sum(total.sums["lendable_minor"] for total in summary.totals.values())
    assert totals == sum(row["lendable_minor"] for row in recorded.values())
    assert len(unchanged) + len(loans) == len(recorded)
    assert preview(book)[2:] == ([], [])


@pytest.mark.usefixtures("newer_model")
def test_the_changes_by_step_sum_to_the_change_of_the_collateral_value(book):
    _, summary, loans, assets = preview(book, PreviewJob(draft_of(book, cost="0.2"), with_assets=True))

    for row, value in ((one, "collateral_minor") for one in loans):
        assert sum(row[f"by_{step}"] for step in STEPS) == row[value] - row[f"recorded_{value}"]
    for row in assets:
        assert sum(row[f"by_{step}"] for step in STEPS) == row["lendable_minor"] - row["recorded_lendable_minor"]
    for total in summary.totals.values():
        change = total.sums["collateral_minor"] - total.sums["recorded_collateral_minor"]
        assert change == sum(total.sums[f"by_{step}"] for step in STEPS)
    assert any(row["by_curves"] < 0 for row in assets)
    assert any(row["by_policy"] < 0 for row in assets)
    assert all(row["by_judged"] == 0 for row in assets)


@pytest.mark.usefixtures("newer_model")
def test_a_newer_haircut_model_is_the_cause_of_its_changes_alone(book):
    _, summary, _, assets = preview(book)
    changed = [row for row in assets if row["curve_model"] != row["recorded_curve_model"]]

    assert {row["curve_model"] for row in changed} == {NEWER_MODEL}
    assert all(row["by_curves"] == row["lendable_minor"] - row["recorded_lendable_minor"] for row in changed)
    assert sum(summary.models.values()) >= len(changed)


def test_an_activation_records_what_the_preview_of_its_policy_stated(book):
    policy_id = draft_of(book, watch="4", margin_call="5", stop_draw="6", liquidation="7")
    begin, summary, loans, _ = preview(book, PreviewJob(policy_id))
    do(book, lambda write: put_into_force(write, policy_id))
    finish_run(book)
    recorded = judgements(book)

    assert begin.policy == policy_id != begin.policy_in_force
    assert summary.moves
    assert [recorded[loan["loan_key"]]["level"] for loan in loans] == [loan["level"] for loan in loans]
    assert all(loan["by_policy"] == 0 for loan in loans), "only the limits differ"


@pytest.mark.usefixtures("newer_model")
def test_loans_that_worsen_most_come_first_and_a_filter_selects_them(book):
    policy = draft_of(book, watch="4", margin_call="5", stop_draw="6", liquidation="7")
    _, summary, loans, _ = preview(book, PreviewJob(policy))
    worse = [loan["level"] - loan["recorded_level"] for loan in loans]
    wanted = parse_filter("level >= MARGIN_CALL AND level_before = NONE", PREVIEW_FILTER)
    _, of_all, chosen, _ = preview(book, PreviewJob(policy, wanted))

    assert worse == sorted(worse, reverse=True)
    assert chosen == [
        loan for loan in loans if loan["level"] >= Level.MARGIN_CALL and loan["recorded_level"] == Level.NONE
    ]
    assert of_all == summary, "the sums are of the whole book"
