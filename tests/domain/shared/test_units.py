"""The registry of units: a spelling has one meaning, a word with several is decided or refused, and sizes are exact."""

import tomllib
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.shared import units as registry
from collateral_registry.domain.shared.units import (
    checked_own_spellings,
    conversion_factor,
    own_units,
    recorded_unit,
    smallest_step,
    spelling_key,
    unit_of,
    units,
)
from valuation.errors import InvalidInput

DATA = tomllib.loads(files(registry.__package__).joinpath("trade_units.toml").read_text("utf-8"))
SPELLINGS = [(text, one["name"]) for one in DATA["unit"] for text in (one["name"], *one["spellings"])]
WORDS = [(text, one) for one in DATA["word"] for text in one["spellings"]]
PAGE = (Path(__file__).parents[3] / "docs" / "units.md").read_text("utf-8")


def test_every_spelling_has_one_meaning_or_is_a_word_with_several():
    names = {}
    for text, name in SPELLINGS:
        assert names.setdefault(spelling_key(text), name) == name, text
    assert not names.keys() & {spelling_key(text) for text, _ in WORDS}


def test_every_meaning_and_group_of_a_word_exists_and_every_unit_has_a_source():
    groups = {one["group"] for one in DATA["goods"]}
    for _, word in WORDS:
        assert set(word["meanings"]) <= set(units())
        assert word.get("convention", {}).keys() <= groups
        assert set(word.get("convention", {}).values()) <= set(word["meanings"])
    assert set(DATA["recorded"].values()) <= set(units())
    assert all(one["source"] and one["title"] for one in DATA["unit"])


def test_the_page_of_units_lists_every_unit_and_word():
    missing = [
        name for name in units() if f"| {name} |" not in PAGE and f"{name}," not in PAGE and f", {name}" not in PAGE
    ]
    assert not missing
    assert all(f"| {word['spellings'][0]}" in PAGE or f" {word['spellings'][0]}," in PAGE for _, word in WORDS)


@given(st.sampled_from(SPELLINGS), st.sampled_from([" ", "-", "_", "  "]), st.sampled_from([str, str.upper, str.title]))
def test_case_and_separators_never_change_the_unit(spelling, separator, case):
    text, name = spelling
    written = text.replace(" ", separator).replace("_", separator)
    assert unit_of("unit", f" {written}.") == name
    if len(text) > 1:
        assert unit_of("unit", case(written)) == name


@pytest.mark.parametrize(
    "spelling", ["mt", "MT", "Mt", "M.T.", "M. T.", "t", "metric ton", "metric_tonnes", "吨", "公吨", "TNE"]
)
def test_these_are_the_tonne(spelling):
    assert unit_of("unit", spelling) == "t"


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("KG", "kg"), ("kgs", "kg"), ("千克", "kg"), ("公斤", "kg"), ("㎏", "kg"), ("件", "piece"), ("PCS", "piece"),
        ("担", "dan"), ("lbs", "lb"), ("long ton", "long_ton"), ("short tons", "short_ton"), ("m³", "m3"), ("L", "l"),
        ("troy ounce", "oz_t"), ("MMBTU", "MMBtu"), ("short hundredweight", "short_cwt"), ("oil barrels", "bbl"),
        ("qtl", "quintal"), ("Nos.", "piece"), ("C62", "piece"), ("台", "piece"),
    ],
)  # fmt: skip
def test_spellings_of_the_trade_are_known(spelling, name):
    assert unit_of("unit", spelling) == name


@pytest.mark.parametrize(
    "spelling",
    [
        "kt",
        "Gt",
        "mg",
        "T",
        "G",
        "K",
        "day",
        "percent",
        "%",
        "degC",
        "ppm",
        "m",
        "bag",
        "kg*2",
        "2 kg",
        "kg/t",
        "furlong",
    ],
)
def test_prefixes_and_what_is_no_unit_of_goods_are_refused_with_the_units(spelling):
    with pytest.raises(InvalidInput, match=r"^inventory\.unit: got .*, want .*\bt\b|^inventory\.unit: got .* single"):
        unit_of("inventory.unit", spelling, "copper", "inventory.base_metal")


@pytest.mark.parametrize("text", ["", "  ", "t" * 41, "t\n"])
def test_empty_long_and_unprintable_spellings_are_refused(text):
    with pytest.raises(InvalidInput, match=r"^unit: "):
        unit_of("unit", text)


@pytest.mark.parametrize(
    ("word", "good", "asset_class", "name"),
    [
        ("oz", "gold", "", "oz_t"), ("ounces", "gold-bars", "inventory.precious_metal", "oz_t"),
        ("barrel", "brent", "", "bbl"), ("barrel", "residue", "inventory.energy", "bbl"),
        ("桶", "crude-oil", "", "bbl"),
        ("bushel", "wheat", "", "bushel_wheat"), ("bu", "maize", "", "bushel_corn"), ("cwt", "rice", "", "short_cwt"),
    ],
)  # fmt: skip
def test_a_word_with_several_meanings_follows_the_convention_of_the_good(word, good, asset_class, name):
    assert unit_of("unit", word, good, asset_class) == name


@pytest.mark.parametrize(
    ("word", "good", "asset_class", "choices"),
    [
        ("ton", "copper", "inventory.base_metal", ["t", "short_ton", "long_ton"]),
        ("oz", "copper", "", ["oz_t", "oz_av"]),
        ("oz", "copper", "inventory.precious_metal", ["oz_t", "oz_av"]),
        ("barrel", "wine", "", ["bbl", "liquid_barrel", "drum"]),
        ("barrels", "coal", "inventory.energy", ["bbl"]),
        ("桶", "diesel", "inventory.energy", ["bbl", "drum"]),
        ("gr", "gold", "inventory.precious_metal", ["g", "grain"]),
        ("bushel", "lentils", "inventory.grain", ["bushel_wheat", "bushel_oats"]),
        ("hundredweight", "sugar", "", ["short_cwt", "long_cwt"]),
    ],
)
def test_a_word_without_a_convention_is_refused_with_the_choices(word, good, asset_class, choices):
    with pytest.raises(InvalidInput) as refused:
        unit_of("inventory.unit", word, good, asset_class)

    assert str(refused.value).startswith(f"inventory.unit: got {word!r}, want one of ")
    assert all(f"{name} (" in refused.value.want for name in choices)


def test_an_own_spelling_decides_before_the_convention_but_never_against_a_unit():
    own = own_units(checked_own_spellings("f", {"Ton": "short ton", "箱": "件", "oz": "oz_av"}))

    assert unit_of("unit", "TON", "copper", own=own) == "short_ton"
    assert unit_of("unit", "箱", own=own) == "piece"
    assert unit_of("unit", "oz", "gold", own=own) == "oz_av"
    with pytest.raises(InvalidInput, match=r"f\[kg\]: got 'lb', want kg"):
        checked_own_spellings("f", {"kg": "lb"})


@pytest.mark.parametrize("spellings", [{"x": "ton"}, {"x": "furlong"}, {"": "t"}, {"x": ""}, {"Ba": "t", "BA": "kg"}])
def test_an_own_spelling_stands_for_one_unit_of_the_registry(spellings):
    with pytest.raises(InvalidInput, match=r"^f"):
        checked_own_spellings("f", spellings)


@pytest.mark.parametrize(
    ("unit", "into", "factor"),
    [
        ("t", "kg", 1000), ("lb", "kg", Fraction(45359237, 10**8)), ("short_ton", "lb", 2000), ("long_ton", "lb", 2240),
        ("short_cwt", "lb", 100), ("long_cwt", "lb", 112), ("oz_t", "grain", 480), ("lb", "grain", 7000),
        ("lb", "oz_av", 16), ("bushel_wheat", "lb", 60), ("bushel_soybeans", "lb", 60), ("bushel_corn", "lb", 56),
        ("bushel_barley", "lb", 48), ("bushel_oats", "lb", 32), ("bbl", "gal", 42),
        ("liquid_barrel", "gal", Fraction(63, 2)),
        ("dan", "jin", 100), ("dozen_pieces", "piece", 12), ("m3", "l", 1000), ("MWh", "GJ", Fraction(36, 10)),
    ],
)  # fmt: skip
def test_sizes_are_exact(unit, into, factor):
    assert conversion_factor(unit, into) == factor
    assert conversion_factor(into, unit) * factor == 1


@pytest.mark.parametrize(
    ("unit", "other"), [("t", "bbl"), ("piece", "kg"), ("drum", "piece"), ("MMBtu", "m3"), ("t", "bag")]
)
def test_units_of_different_dimensions_do_not_convert(unit, other):
    assert not registry.alike(unit, other)


def test_counted_goods_have_whole_steps():
    assert [smallest_step(unit) for unit in ("piece", "drum", "dozen_pieces")] == [1, 1, 1]
    assert smallest_step("t") < 1


@pytest.mark.parametrize(
    ("stored", "good", "name"),
    [
        ("metric_ton", "copper", "t"), ("mt", "zinc", "t"), ("MT", "zinc", "t"), ("troy_ounce", "gold", "oz_t"),
        ("oil_bbl", "wti", "bbl"), ("oz", "gold", "oz_t"), ("oz", "copper", "oz_av"), ("barrel", "brent", "bbl"),
        ("barrel", "wine", "liquid_barrel"), ("ton", "copper", "short_ton"), ("US_ton", "copper", "short_ton"),
        ("gr", "gold", "grain"), ("Mg", "copper", "t"), ("cwt", "sugar", "short_cwt"),
        ("bushel_wheat", "wheat", "bushel_wheat"),
    ],
)  # fmt: skip
def test_a_stored_spelling_keeps_the_meaning_of_the_trade_or_that_with_which_it_was_computed(stored, good, name):
    assert recorded_unit(stored, good) == name


def test_an_unknown_stored_word_is_a_unit_of_its_own():
    assert recorded_unit("furlong", "copper") == "furlong"
    assert conversion_factor("furlong", "furlong") == 1
    assert not registry.alike("furlong", "t")
