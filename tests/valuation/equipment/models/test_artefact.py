"""Saved models: round trip, reproducible bytes, and refusal of damaged files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collateral_registry.commands.equipment.models import store_model
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.store.equipment.models import list_models
from tests.support.equipment_sales import rows
from tests.support.small_book import opened
from tests.valuation.equipment.conftest import FEW_ROUNDS, Bench
from valuation.equipment.models import boosting, hedonic
from valuation.equipment.models.artefact import CARD, FORMAT_VERSION, MANIFEST, MODEL, TREES, load, pack, save, unpack
from valuation.equipment.models.hedonic import appraise, fit
from valuation.errors import InvalidInput


@pytest.fixture
def folder(bench: Bench, tmp_path: Path) -> Path:
    """Saves the model and returns its folder."""
    save(tmp_path / "model", bench.learned, bench.data_hash)
    return tmp_path / "model"


def test_a_loaded_model_gives_the_same_values(bench: Bench, folder: Path) -> None:
    machines = bench.machines(rows(60, seed=4))
    fitted = load(folder)
    before, after = appraise(bench.learned, machines), appraise(fitted.learned, machines)
    for name in ("fmv", "low", "high", "olv", "nolv", "step", "flags"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert fitted.data_hash == bench.data_hash


def test_points_in_time_without_sales_are_saved(bench: Bench) -> None:
    index = bench.learned.trees.index
    sold = np.arange(len(index.market.times)) % 2 == 0
    index = replace(index, market=replace(index.market, sold=sold))
    sparse = replace(bench.learned, trees=replace(bench.learned.trees, index=index))

    found = unpack(pack(sparse, bench.data_hash)).learned.trees.index.market.sold

    np.testing.assert_array_equal(found, sold)
    assert unpack(pack(bench.learned, bench.data_hash)).learned.trees.index.market.sold is None


def test_the_same_sales_give_the_same_bytes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "ROUNDS", FEW_ROUNDS)
    monkeypatch.setattr(hedonic, "ROUNDS", FEW_ROUNDS)
    repeated = fit(bench.sales, bench.mapping)
    assert pack(repeated, bench.data_hash) == pack(bench.learned, bench.data_hash)


def test_the_card_states_period_data_hash_and_scores(bench: Bench, folder: Path) -> None:
    card = (folder / CARD).read_text(encoding="utf-8")
    assert bench.data_hash in card
    assert "from 2005-01-0" in card
    assert "| digger |" in card


@pytest.mark.parametrize("name", [*TREES, MODEL, CARD, MANIFEST])
def test_a_truncated_file_is_refused_by_name(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match=name):
        load(folder)


@pytest.mark.parametrize("name", [TREES[0], MANIFEST])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InvalidInput, match=f"{name}: got no such file"):
        load(folder)


def test_a_model_of_format_version_1_has_one_market_index_for_all_groups(bench: Bench) -> None:
    files = pack(bench.learned, bench.data_hash)
    model, manifest = json.loads(files[MODEL]), json.loads(files[MANIFEST])
    del model["index"]["groups"]
    files[MODEL] = json.dumps(model).encode()
    manifest["format_version"] = 1
    manifest["sha256"][MODEL] = hashlib.sha256(files[MODEL]).hexdigest()
    files[MANIFEST] = json.dumps(manifest).encode()
    index = unpack(files).learned.trees.index
    years = np.array([2006.0, 2010.0])
    for group in ("digger", "loader"):
        assert index.at(years, np.array([group] * 2)).tolist() == index.market.at(years).tolist()


def test_a_newer_format_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["format_version"] = FORMAT_VERSION + 1
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InvalidInput, match="a newer program wrote it"):
        load(folder)


def test_another_format_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"format": "else"}', encoding="utf-8")
    with pytest.raises(InvalidInput, match="format: got 'else'"):
        load(folder)


@pytest.mark.parametrize("damage", ["truncated", "newer"])
def test_a_damaged_or_newer_model_is_not_stored(bench: Bench, sqlite_url: str, damage: str) -> None:
    files = pack(bench.learned, bench.data_hash)
    if damage == "newer":
        manifest = json.loads(files[MANIFEST])
        files[MANIFEST] = json.dumps(manifest | {"format_version": FORMAT_VERSION + 1}).encode()
    else:
        files[TREES[0]] = files[TREES[0]][:-100]
    book = opened(sqlite_url)
    with (
        book.write("test", Author("test", "test")) as write,
        pytest.raises(InvalidInput, match=r"trees-low|newer program"),
    ):
        store_model(write, "damaged", files)
    with book.read() as connection:
        assert list_models(connection, EVERYTHING, 2**62, 10) == []
