"""Checks the repository's own rules: words, widths, sizes of packages, modules and functions, and suppressions.

``python .ci/rules.py`` prints each violation with its file and line, and exits with 1 if there is one.
``python .ci/rules.py count`` prints the size of the product.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

Tree = Mapping[str, str]
"""Text of each file by its path from the root of the repository."""

WORDS = ("told", "anew", "whoever", "nobody", "somebody", "lets go", "take-up", "take up", "takes up", "taken up")
WORDS += ("took up", "relieved")
FORBIDDEN = re.compile(r"\b(" + "|".join(word.replace(" ", r"\s+") for word in WORDS) + r")\b", re.IGNORECASE)
WORDS_EXEMPT = {
    "docs/glossary.md": "names the old words to replace",
    ".ci/rules.py": "lists the words",
    "tests/support/postgres.py": "names the Unix user that runs PostgreSQL",
    "collateral_registry/store/migrations/versions/": "a released migration keeps the names of its time",
}
UNIX_USER = '"nobody"'
"""The name of a Unix user as a string literal, which the vocabulary allows."""

PRODUCT = ("collateral_registry/", "valuation/", "deploy/partner/")
SIZES_EXEMPT = {
    "collateral_registry/v1/": "generated from the contract",
    "collateral_registry/store/migrations/versions/": "one module a migration, with all of its tables",
    "collateral_registry/sample/": "data",
}
MODULES_LIMIT = 15
"""Modules in a package, not counting ``__init__.py``."""
MODULE_LINES_LIMIT = 400
FUNCTION_LINES_LIMIT = 57
WIDTH_LIMIT = 120
"""Characters in a line of a document; ruff holds the same for code."""

SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)(:\s*[A-Z0-9, ]*[A-Z0-9]|\[[^]]*\])?(?P<reason> (-|#) \S)?")
SUPPRESSIONS_LIMIT = 59


def vocabulary(tree: Tree) -> Iterator[str]:
    """Yields the forbidden words of texts and code; a word that spans two lines is reported on the first."""
    for path, text in _below(tree, ("",), WORDS_EXEMPT).items():
        if path.endswith((".py", ".md", ".proto")):
            for found in FORBIDDEN.finditer(text.replace(UNIX_USER, " " * len(UNIX_USER))):
                yield f"{path}:{_line(text, found.start())}: forbidden word: got {' '.join(found[0].split())!r}"


def text_widths(tree: Tree) -> Iterator[str]:
    """Yields the lines of documents that are too long, except for tables, code and words that cannot be divided."""
    for path, text in tree.items():
        is_code = False
        for number, line in enumerate(text.splitlines() if path.endswith(".md") else (), start=1):
            is_code ^= line.lstrip().startswith("```")
            is_free = is_code or line.lstrip().startswith(("|", "#", "!", "<"))
            if len(line) > WIDTH_LIMIT and not is_free and len(line.split()) > 2:
                yield f"{path}:{number}: width of a line: got {len(line)}, want at most {WIDTH_LIMIT}"


def package_sizes(tree: Tree) -> Iterator[str]:
    """Yields the packages with too many modules."""
    for package, modules in _modules_of_packages(_product(tree)).items():
        if modules > MODULES_LIMIT:
            yield f"{package}/__init__.py:1: modules of a package: got {modules}, want at most {MODULES_LIMIT}"


def module_sizes(tree: Tree) -> Iterator[str]:
    """Yields the modules with too many lines."""
    for path, text in _product(tree).items():
        lines = len(text.splitlines())
        if lines > MODULE_LINES_LIMIT:
            yield f"{path}:{lines}: lines of a module: got {lines}, want at most {MODULE_LINES_LIMIT}"


def function_sizes(tree: Tree) -> Iterator[str]:
    """Yields the functions with too many lines, docstring included, in the product, the tests and the benchmarks."""
    for path, text in _python(_below(tree, ("",), SIZES_EXEMPT)).items():
        for function in _functions(text):
            lines = _length(function)
            if lines > FUNCTION_LINES_LIMIT:
                yield (
                    f"{path}:{function.lineno}: lines of function {function.name}: "
                    f"got {lines}, want at most {FUNCTION_LINES_LIMIT}"
                )


def suppressions(tree: Tree) -> Iterator[str]:
    """Yields the suppressions of lint and types that give no reason, or all of them if there are too many."""
    found = _suppressions(tree)
    for place, has_reason in found.items():
        if not has_reason:
            yield f"{place}: suppression: got no reason, want one after ' - ' or ' # '"
    if len(found) > SUPPRESSIONS_LIMIT:
        for place in found:
            yield f"{place}: suppression: got {len(found)} in all, want at most {SUPPRESSIONS_LIMIT}"


RULES: tuple[Callable[[Tree], Iterator[str]], ...] = (
    vocabulary,
    text_widths,
    package_sizes,
    module_sizes,
    function_sizes,
    suppressions,
)


def code_lines(text: str) -> int:
    """Returns the lines of a module that hold code: neither blank, nor comments, nor part of a docstring."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        # Strings that stand alone document attributes too, not only modules, classes and functions.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


def counts(tree: Tree) -> Iterator[str]:
    """Yields the size of the product without generated code and migrations, a line each."""
    exempt = {path: reason for path, reason in SIZES_EXEMPT.items() if "sample" not in path}
    product = _python(_below(tree, PRODUCT, exempt))
    lengths = sorted(_length(function) for text in product.values() for function in _functions(text))
    packages = _modules_of_packages(product)
    yield f"lines of code: {sum(map(code_lines, product.values()))}"
    yield f"functions: {len(lengths)}"
    middle, most, longest = (_quantile(lengths, share) for share in (0.5, 0.9, 1.0))
    yield f"lines of a function: median {middle}, 90 % {most}, maximum {longest}"
    yield f"packages: {len(packages)}, with at most {max(packages.values(), default=0)} modules"
    yield f"modules: {sum(packages.values())}"
    yield f"suppressions: {len(_suppressions(tree))} in the repository"


def _below(tree: Tree, folders: tuple[str, ...], exempt: Mapping[str, str]) -> dict[str, str]:
    """Returns the files in these folders without the exempt ones."""
    return {
        path: text for path, text in tree.items() if path.startswith(folders) and not path.startswith(tuple(exempt))
    }


def _python(tree: Tree) -> dict[str, str]:
    return {path: text for path, text in tree.items() if path.endswith(".py")}


def _product(tree: Tree) -> dict[str, str]:
    return _python(_below(tree, PRODUCT, SIZES_EXEMPT))


def _modules_of_packages(tree: Tree) -> Counter[str]:
    """Returns the number of modules beside ``__init__.py`` of each package, of which some have none."""
    packages = Counter(dict.fromkeys((str(PurePosixPath(path).parent) for path in tree), 0))
    packages.update(str(PurePosixPath(path).parent) for path in tree if PurePosixPath(path).name != "__init__.py")
    return packages


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _suppressions(tree: Tree) -> dict[str, bool]:
    """Returns whether each suppression in a comment has a reason, by its file and line."""
    found = {}
    for path, text in _python(tree).items():
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            match = SUPPRESSION.search(token.string) if token.type == tokenize.COMMENT else None
            if match is not None:
                found[f"{path}:{token.start[0]}"] = match["reason"] is not None
    return found


def _quantile(ordered: list[int], share: float) -> int:
    """Returns the value that this share of ordered numbers does not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _read(root: Path) -> Tree:
    """Reads the files that git keeps or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py", "*.md", "*.proto"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return {path: (root / path).read_text(encoding="utf-8") for path in sorted(set(listed)) if (root / path).is_file()}


def main(arguments: list[str]) -> int:
    """Runs the checks, or prints the counts, and returns the exit code."""
    tree = _read(Path(__file__).parents[1])
    if arguments == ["count"]:
        print(*counts(tree), sep="\n")
        return 0
    violations = [violation for rule in RULES for violation in rule(tree)]
    print(*violations or ["rules: all hold"], sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
