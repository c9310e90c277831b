"""Comparison of recorded reports: which differences count."""

import json

import pytest

from benchmarks.past_reports import compare_reports, fields_of
from collateral_registry.v1 import common_pb2, loan_pb2, report_pb2

RECORDED = {"rows": [{"loan": "loans/a", "deadline_date": None}], "sequence": 7}


@pytest.fixture
def record(tmp_path):
    """Writes a record of one commit."""

    def write(name, value, commit="7"):
        folder = tmp_path / name / commit
        folder.mkdir(parents=True)
        (folder / "ltv-1.json").write_text(json.dumps(value))
        return tmp_path / name

    return write


def test_equal_records_have_no_difference(record):
    assert compare_reports(record("old", RECORDED), record("new", RECORDED)) == ([], 1)


def test_a_field_that_only_the_second_record_has_does_not_count(record):
    row = {"loan": "loans/a", "deadline_date": None, "new": 1}
    changed = {"rows": [row], "sequence": 7, "added": []}
    assert compare_reports(record("old", RECORDED), record("new", changed)) == ([], 0)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (RECORDED | {"sequence": 8}, "sequence"),
        (RECORDED | {"rows": []}, "rows"),
        (RECORDED | {"rows": [{"loan": "loans/a", "deadline_date": {"year": 2022}}]}, "rows[0].deadline_date"),
        ({"rows": RECORDED["rows"]}, "sequence"),
    ],
)
def test_changed_set_and_missing_fields_are_differences(record, changed, path):
    (difference,), _ = compare_reports(record("old", RECORDED), record("new", changed))
    assert difference.startswith(f"7/ltv-1.json.{path}: ")


def test_a_commit_in_one_record_only_is_a_difference(record):
    old = record("old", RECORDED)
    record("new", RECORDED)
    new = record("new", RECORDED, "9")
    assert compare_reports(old, new) == (["9/ltv-1.json: in one record only"], 1)


def test_unset_fields_are_recorded():
    row = report_pb2.LtvReportRow(loan="loans/a", cover=loan_pb2.LoanCover(level=common_pb2.LTV_LEVEL_WATCH))
    recorded = fields_of(row)
    assert recorded["deadline_date"] is None
    assert recorded["breach"] == ""
    assert recorded["cover"]["level"] == "LTV_LEVEL_WATCH"
