"""A short run of ``make fuzz``: hostile requests to every method, on each engine, with the same verdict."""

from pathlib import Path

import pytest

from benchmarks.engines import engine_of
from benchmarks.fuzz.attack import Attack, attack_book

pytestmark = pytest.mark.slow


def quiet(_):
    """Drops a progress message."""


@pytest.mark.long
@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_hostile_requests_are_refused_and_change_no_report_of_before(name, tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    with engine_of(name, tmp_path) as engine:
        verdict = attack_book(engine.new_database(), tmp_path, Attack(400, 120, 7, saved, quiet, rest_seconds=1.0))

    assert [Path(path).read_text() for path in verdict.failures] == []
    assert verdict.holds, verdict.record()
    assert set(verdict.codes) > {"OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION"}
