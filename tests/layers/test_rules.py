"""The checks of .ci/rules.py fail where a rule is broken, and only there."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci" / "rules.py"
SPEC = spec_from_file_location("rules", PROGRAM)
rules = module_from_spec(SPEC)
SPEC.loader.exec_module(rules)

SILENCE = "# no" + "qa: S101"
"""A suppression without a reason, in two parts so that the check does not count this line."""


def module_of(lines):
    return "x = 1\n" * lines


def function_of(lines):
    return "def long():\n" + "    x = 1\n" * (lines - 1)


@pytest.mark.parametrize("word", rules.WORDS)
@pytest.mark.parametrize("path", ["valuation/a.py", "docs/a.md", "protos/a.proto", "tests/a.py"])
def test_a_forbidden_word_is_reported_with_its_file_and_line(path, word):
    found = list(rules.vocabulary({path: f"one\n\n# It is {word.upper()} here."}))

    assert found == [f"{path}:3: forbidden word: got {word.upper()!r}"]


def test_a_forbidden_word_is_found_across_the_end_of_a_line():
    word = next(word for word in rules.WORDS if " " in word)
    text = "one\n" + word.replace(" ", "\n")

    assert list(rules.vocabulary({"docs/a.md": text})) == [f"docs/a.md:2: forbidden word: got {word!r}"]


@pytest.mark.parametrize("line", ["| " + "a " * 90 + "|", "- [a](" + "b" * 150 + ")", "# " + "a " * 90, "a " * 60])
def test_a_table_a_heading_or_a_link_may_be_wide(line):
    assert list(rules.text_widths({"docs/a.md": line})) == []


def test_a_wide_line_of_a_text_is_reported_and_one_of_code_is_not():
    wide = "a " * 61
    text = f"one\n```\n{wide}\n```\n{wide}\n"

    assert list(rules.text_widths({"docs/a.md": text, "tests/a.py": text})) == [
        "docs/a.md:5: width of a line: got 122, want at most 120"
    ]


def test_a_word_within_another_word_is_allowed():
    assert not list(rules.vocabulary({"a.py": f"un{rules.WORDS[0]} {rules.WORDS[0]}er"}))


def test_the_name_of_a_unix_user_is_allowed_as_a_string():
    assert not list(rules.vocabulary({"a.py": f"x = {rules.UNIX_USER}"}))
    assert list(rules.vocabulary({"a.py": f"# {rules.UNIX_USER[1:-1]}"}))


@pytest.mark.parametrize(
    "path", ["docs/glossary.md", "collateral_registry/store/migrations/versions/0001.py", "a.toml"]
)
def test_exempt_files_may_hold_any_word(path):
    assert not list(rules.vocabulary({path: rules.WORDS[0]}))


def test_a_package_with_too_many_modules_is_reported():
    limit = rules.MODULES_LIMIT
    tree = {f"valuation/ip/m{n}.py": "" for n in range(limit)} | {"valuation/ip/__init__.py": ""}

    assert not list(rules.package_sizes(tree | {"valuation/ip/deeper/a.py": ""}))
    assert list(rules.package_sizes(tree | {"valuation/ip/one_more.py": ""})) == [
        f"valuation/ip/__init__.py:1: modules of a package: got {limit + 1}, want at most {limit}"
    ]


def test_a_module_with_too_many_lines_is_reported():
    limit = rules.MODULE_LINES_LIMIT

    assert not list(rules.module_sizes({"valuation/a.py": module_of(limit)}))
    assert list(rules.module_sizes({"valuation/a.py": module_of(limit + 1)})) == [
        f"valuation/a.py:{limit + 1}: lines of a module: got {limit + 1}, want at most {limit}"
    ]


@pytest.mark.parametrize("folder", ["tests/", *rules.SIZES_EXEMPT])
def test_tests_and_exempt_folders_may_hold_long_modules(folder):
    assert not list(rules.module_sizes({f"{folder}a.py": module_of(rules.MODULE_LINES_LIMIT + 1)}))


@pytest.mark.parametrize("prefix", ["", "async "])
def test_a_function_with_too_many_lines_is_reported(prefix):
    limit = rules.FUNCTION_LINES_LIMIT

    assert not list(rules.function_sizes({"tests/a.py": prefix + function_of(limit)}))
    assert list(rules.function_sizes({"tests/a.py": "\n" + prefix + function_of(limit + 1)})) == [
        f"tests/a.py:2: lines of function long: got {limit + 1}, want at most {limit}"
    ]


@pytest.mark.parametrize("comment", [SILENCE, SILENCE + " because", "# type: " + "ignore[misc]"])
def test_a_suppression_without_a_reason_is_reported(comment):
    assert list(rules.suppressions({"a.py": f"x = 1\ny = 2  {comment}\n"})) == [
        "a.py:2: suppression: got no reason, want one after ' - ' or ' # '"
    ]


@pytest.mark.parametrize("comment", [SILENCE + " - a reason", "# type: " + "ignore[misc] # a reason"])
def test_a_suppression_with_a_reason_is_allowed(comment):
    assert not list(rules.suppressions({"a.py": f"x = 1  {comment}\n"}))


def test_suppressions_beyond_the_limit_are_all_reported():
    limit, line = rules.SUPPRESSIONS_LIMIT, f"x = 1  {SILENCE} - a reason\n"

    assert not list(rules.suppressions({"a.py": line * limit}))
    found = list(rules.suppressions({"a.py": line * limit, "b.py": line}))
    assert len(found) == limit + 1
    assert found[-1] == f"b.py:1: suppression: got {limit + 1} in all, want at most {limit}"


def test_lines_of_code_hold_no_comment_no_blank_line_and_no_docstring():
    documented = '"""One\n\ntwo."""\n\n# three\nX = f(\n    1,\n)\n"""Four."""\n\n\n'
    text = documented + 'def f():\n    """Five."""\n    return """a\nb"""\n'

    assert rules.code_lines(text) == 6


def test_counts_leave_out_generated_code_and_migrations():
    exempt = {f"{folder}a.py": function_of(9) for folder in rules.SIZES_EXEMPT if "sample" not in folder}
    tree = {"valuation/__init__.py": "", "valuation/a.py": function_of(4), "tests/a.py": function_of(5), **exempt}

    assert list(rules.counts(tree)) == [
        "lines of code: 4",
        "functions: 1",
        "lines of a function: median 4, 90 % 4, maximum 4",
        "packages: 1, with at most 1 modules",
        "modules: 1",
        "suppressions: 0 in the repository",
    ]
