"""Serialises fitted models as files: a model card, JSON tables, trees as LightGBM text, and a manifest of hashes.

Reading executes no code: JSON and trees are parsed only after the hash of every file has been checked. Formats newer
than this code are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from valuation.equipment.models.boosting import trees_of
from valuation.equipment.models.card import card_text
from valuation.equipment.models.conformal import Calibration
from valuation.equipment.models.encoding import Encoder
from valuation.equipment.models.group_index import GroupIndex
from valuation.equipment.models.hedonic import Learned, Trees
from valuation.equipment.models.levels import LevelMeans
from valuation.equipment.models.liquidation import LiquidationTerms
from valuation.equipment.models.market_index import MarketIndex
from valuation.equipment.models.scores import Score
from valuation.equipment.models.similar_models import Relatives
from valuation.equipment.sales.mapping import mapping_of
from valuation.errors import InvalidInput

FORMAT = "collateral-equipment-model"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, FORMAT_VERSION)
"""Readable format versions. Version 1 has no market index by product group, so that all groups follow the market."""

MANIFEST, MODEL, CARD = "manifest.json", "model.json", "card.md"
TREES = ("trees-low.txt", "trees-middle.txt", "trees-high.txt")
FILE_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Fitted:
    """Fitted model with its hashes: ``model_id`` is the hash of its manifest, ``data_hash`` that of the sales."""

    learned: Learned
    data_hash: str
    model_id: str


def pack(learned: Learned, data_hash: str) -> dict[str, bytes]:
    """Returns the files of a model by name; the same model gives the same bytes."""
    files = {
        name: booster.model_to_string().encode() for name, booster in zip(TREES, learned.trees.boosters, strict=True)
    }
    files[MODEL] = _json(_document(learned) | {"data_hash": data_hash})
    files[CARD] = card_text(learned, data_hash).encode()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    files[MANIFEST] = _json({"format": FORMAT, "format_version": FORMAT_VERSION, "sha256": hashes})
    return files


def unpack(files: Mapping[str, bytes]) -> Fitted:
    """Parses a model from its files.

    Raises InvalidInput for a file that is missing, truncated or modified, and for an unknown format.
    """
    manifest = _parsed(files, MANIFEST)
    if manifest.get("format") != FORMAT:
        raise InvalidInput(f"{MANIFEST} format", repr(manifest.get("format")), FORMAT)
    version = manifest.get("format_version")
    if version not in READABLE_VERSIONS:
        raise InvalidInput(f"{MANIFEST} format_version", version, f"at most {FORMAT_VERSION}: a newer program wrote it")
    hashes = manifest.get("sha256", {})
    for name in (*TREES, MODEL, CARD):
        found = hashlib.sha256(_content(files, name)).hexdigest()
        if hashes.get(name) != found:
            raise InvalidInput(name, "content with another hash than in the manifest", "the unmodified file")
    document = _parsed(files, MODEL)
    model_id = hashlib.sha256(_content(files, MANIFEST)).hexdigest()
    try:
        return Fitted(_learned(document, files), str(document["data_hash"]), model_id)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(MODEL, f"{type(error).__name__} {error}", "the tables of a model") from None


def save(folder: Path, learned: Learned, data_hash: str) -> None:
    """Writes a model into a folder; the manifest is written last, so that an incomplete write is detected."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pack(learned, data_hash).items():
        (folder / name).write_bytes(content)


def load(folder: Path) -> Fitted:
    """Reads a model from a folder; raises InvalidInput if a file is missing or too large, and as ``unpack`` does."""
    files = {}
    for name in (*TREES, MODEL, CARD, MANIFEST):
        path = folder / name
        if not path.is_file():
            raise InvalidInput(name, "no such file", f"a model in {folder.name}")
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise InvalidInput(name, f"{path.stat().st_size} bytes", f"at most {FILE_LIMIT_BYTES}")
        files[name] = path.read_bytes()
    return unpack(files)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _content(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise InvalidInput(name, "no such file", "every file of a model")
    return files[name]


def _parsed(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        document = json.loads(_content(files, name))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(name, str(error), "valid JSON") from None
    if not isinstance(document, dict):
        raise InvalidInput(name, type(document).__name__, "a JSON object")
    return document


def _document(learned: Learned) -> dict[str, Any]:
    index, encoder = learned.trees.index, learned.trees.encoder
    return {
        "mapping": learned.mapping.document(),
        "index": {
            "times": index.market.times.tolist(),
            "levels": index.market.levels.tolist(),
            "error_a_year": index.market.error_a_year,
            "groups": {name: levels.tolist() for name, levels in index.groups.items()},
            **({} if index.market.sold is None else {"sold": index.market.sold.tolist()}),
        },
        "encoder": {
            "level": asdict(encoder.level),
            "build_year": asdict(encoder.build_year) if encoder.build_year else None,
            "relatives": {name: [one.tolist() for one in columns] for name, columns in encoder.relatives.lines.items()},
            "words": {name: list(words) for name, words in encoder.words.items()},
            "word_means": {name: asdict(means) for name, means in encoder.word_means.items()},
            "word_order": [list(encoder.words), list(encoder.word_means)],
            "numbers": list(encoder.numbers),
        },
        "calibration": asdict(learned.calibration),
        "terms": asdict(learned.terms),
        "ranges": {name: [_finite(bound) for bound in bounds] for name, bounds in learned.ranges.items()},
        "first_time": learned.first_time,
        "last_time": learned.last_time,
        "sales": learned.sales,
        "left_out": learned.left_out,
        "held_out": [{name: _finite(value) for name, value in asdict(score).items()} for score in learned.held_out],
    }


def _finite(value: object) -> object:
    """Returns the value, or None for a number that JSON cannot represent."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _learned(document: Mapping[str, Any], files: Mapping[str, bytes]) -> Learned:
    encoder = _encoder(document["encoder"])
    texts = [_content(files, name).decode() for name in TREES]
    boosters = [trees_of(text, len(encoder.features)) for text in texts]
    index = document["index"]
    sold = np.array(index["sold"], dtype=np.bool_) if "sold" in index else None
    market = MarketIndex(np.array(index["times"]), np.array(index["levels"]), float(index["error_a_year"]), sold)
    groups = {name: np.array(levels) for name, levels in index.get("groups", {}).items()}
    calibration = document["calibration"]
    return Learned(
        mapping=mapping_of(document["mapping"]),
        trees=Trees(GroupIndex(market, groups), encoder, boosters),
        calibration=Calibration(
            calibration["categories"], float(calibration["pooled"]), tuple(map(float, calibration["steps"]))
        ),
        terms=LiquidationTerms(**document["terms"]),
        ranges={name: (_bound(bounds[0]), _bound(bounds[1])) for name, bounds in document["ranges"].items()},
        first_time=float(document["first_time"]),
        last_time=float(document["last_time"]),
        sales=int(document["sales"]),
        left_out=int(document["left_out"]),
        held_out=[_score(row) for row in document["held_out"]],
    )


def _bound(value: float | None) -> float:
    return float("inf") if value is None else float(value)


def _score(document: Mapping[str, Any]) -> Score:
    fields: dict[str, Any] = {name: float("nan") if value is None else value for name, value in document.items()}
    return Score(**fields)


def _encoder(document: Mapping[str, Any]) -> Encoder:
    coded, averaged = document["word_order"]
    return Encoder(
        level=_means(document["level"]),
        build_year=_means(document["build_year"]) if document["build_year"] else None,
        relatives=Relatives({name: _families(columns) for name, columns in document["relatives"].items()}),
        words={name: document["words"][name] for name in coded},
        word_means={name: _means(document["word_means"][name]) for name in averaged},
        numbers=document["numbers"],
    )


def _families(columns: list[list[float]]) -> tuple[Any, Any, Any]:
    sizes, sales, sums = (np.array(column) for column in columns)
    return sizes, sales, sums


def _means(document: Mapping[str, Any]) -> LevelMeans:
    return LevelMeans(float(document["root"]), document["corrections"], document["counts"])
