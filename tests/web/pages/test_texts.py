"""Both languages have the same texts, and every value of the contract that pages show has one."""

import re
from string import Formatter

import pytest

from collateral_registry.web.pages.rendering import ENUMS, enum_key, word
from collateral_registry.web.pages.texts import LANGUAGES, accepted_language, texts_of

ENGLISH, CHINESE = (texts_of(language) for language in LANGUAGES)
PARAMETERS_OF_ONE_LANGUAGE = {"lead.before", "lead.strong.one", "lead.strong.many"}
"""Parts of a sentence whose order differs."""


def test_both_languages_have_the_same_keys_in_the_same_order():
    assert list(ENGLISH.by_key) == list(CHINESE.by_key)


def test_a_text_has_the_same_parameters_in_both_languages():
    differing = {
        key for key in ENGLISH.by_key if parameters_of(ENGLISH.by_key[key]) != parameters_of(CHINESE.by_key[key])
    }

    assert differing == PARAMETERS_OF_ONE_LANGUAGE


def parameters_of(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("table", ENUMS)
def test_every_value_of_an_enumeration_has_a_text(table):
    keys = {enum_key(table, value) for value in ENUMS[table].values() if value}

    assert keys <= ENGLISH.by_key.keys()


def test_a_value_that_this_version_does_not_know_is_shown_as_its_number():
    assert word(ENGLISH, "level", 99) == "99"


def test_a_breach_is_not_called_a_default_in_chinese():
    defaults = {key for key, text in CHINESE.by_key.items() if "违约" in text}

    of_debtors = {"flag.pd_stand_in", "debtor.probability", "invoice.losses_note"}
    assert {key for key in defaults if not key.startswith("disposals.")} == of_debtors
    assert "超限" in CHINESE("nav.breaches")


def test_the_loan_book_is_a_portfolio_in_chinese():
    assert not [key for key, text in CHINESE.by_key.items() if "账簿" in text]
    assert "贷款组合" in CHINESE("overview.distribution")


def test_every_key_that_a_template_names_exists():
    from importlib.resources import files

    folder = files("collateral_registry.web.pages") / "templates"
    sources = [one.read_text("utf-8") for one in folder.iterdir()]
    named = {key for text in sources for key in re.findall(r'\bt\("([a-z_.]+)"[,)]', text)}
    counted = {key for text in sources for key in re.findall(r'\bt\.count\("([a-z_.]+)"', text)}

    assert named <= ENGLISH.by_key.keys()
    assert {f"{key}.{form}" for key in counted for form in ("one", "many")} <= ENGLISH.by_key.keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr-FR,zh-TW;q=0.5", "zh"),
        ("fr,de", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=nonsense", "en"),
        (",;q=,," * 1000, "en"),
    ],
)
def test_the_language_is_the_best_of_those_that_a_reader_accepts(header, language):
    assert accepted_language(header) == language
