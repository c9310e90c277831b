"""docs/filters.md lists the fields of every method as the service defines them."""

from collateral_registry.domain.filters import parser
from collateral_registry.domain.filters.expressions import Operator
from collateral_registry.rpc.common.filtering import FILTER_FIELDS
from tests.support.server import repository


def section(method: str) -> str:
    """Returns the section of a method in the reference."""
    rows = []
    for name, kind in FILTER_FIELDS[method].items():
        operators = [str(one) for one in kind.operators if one not in {Operator.PRESENT, Operator.PREFIX}]
        prefix = [":prefix*"] if Operator.PREFIX in kind.operators else []
        rows.append(f"| `{name}` | {kind.kind} | `{' '.join([*operators, *prefix])}` |")
    return "\n".join([f"### {method}", "", "| field | type | operators |", "|---|---|---|", *rows, ""])


def test_the_reference_lists_the_fields_of_every_method():
    page = (repository() / "docs/filters.md").read_text()

    assert [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")] == sorted(FILTER_FIELDS)
    for method in FILTER_FIELDS:
        assert section(method) in page, f"the section must be:\n{section(method)}"


def test_the_reference_states_the_limits():
    page = (repository() / "docs/filters.md").read_text()

    for name in ("CHARACTERS", "TESTS", "VALUES", "DEPTH"):
        assert f"{getattr(parser, f'FILTER_LIMIT_{name}'):,} | `FILTER_LIMIT_{name}`" in page
