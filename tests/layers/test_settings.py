"""The pages describe every setting once, with the default that the program has."""

import re
from pathlib import Path

from collateral_registry.config import LimitSettings, Settings

DOCS = Path(__file__).parents[2] / "docs"
WORDS = {"empty": "", "none": None, "false": False}


def described(page: str) -> dict[str, object]:
    """Returns the settings of a page's table with their defaults; a row may describe several."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, _, table = text.partition("\n| setting | default |")
    found: dict[str, object] = {}
    for row in table.partition("\n\n")[0].splitlines()[2:]:
        names, defaults = row.split("|")[1:3]
        for name, default in zip(re.findall(r"`(\w+)`", names), defaults.split(","), strict=True):
            assert name not in found, name
            found[name] = value_of(default.strip())
    return found


def value_of(text: str) -> object:
    """Returns a default as the program has it: a word, a number, a size in MiB or a text in backticks."""
    if text.startswith("`"):
        return text.strip("`")
    number = re.fullmatch(r"(\d+)( MiB)?", text)
    return int(number[1]) * (1 << 20 if number[2] else 1) if number else WORDS[text]


def defaults_of(kind) -> dict[str, object]:
    stated = {name: field.default for name, field in kind.model_fields.items()}
    plain = {"database_url": "", "data_folder": str(stated.get("data_folder"))}
    return {name: plain.get(name, default) for name, default in stated.items()}


def test_the_page_of_limits_has_every_limit_and_its_default():
    assert described("limits.md") == defaults_of(LimitSettings)


def test_the_page_of_operations_has_every_other_setting_and_its_default():
    every = defaults_of(Settings)

    assert described("operations.md") == {name: every[name] for name in every.keys() - LimitSettings.model_fields}
