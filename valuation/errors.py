"""Errors that callers can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class InvalidInput(ValueError):
    """Error for an input value that violates a rule, with a message like ``haircut: got 1.2, want 0 to 1``.

    ``also`` holds further violations of the same input. The message lists all of them, separated by semicolons.
    """

    description: str
    """The message of this violation alone."""

    def __init__(self, field: str, got: object, want: str, *also: InvalidInput) -> None:
        own: str = f"{field}: got {got}, want {want}"
        super().__init__("; ".join([own, *(one.description for one in also)]))
        self.field = field
        self.got = got
        self.want = want
        self.description = own
        self.also = also

    @property
    def violations(self) -> tuple[InvalidInput, ...]:
        """Every violation of the input, this one first."""
        return (self, *self.also)

    def named(self, name: Callable[[str], str]) -> InvalidInput:
        """Returns the same violations with another name of each field."""
        return joined(InvalidInput(name(one.field), one.got, one.want) for one in self.violations)

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[object, ...]]:
        """Supports pickling between processes; ``got`` is reduced to text because its type may not be picklable."""
        return InvalidInput, (self.field, str(self.got), self.want, *self.also)


def joined(violations: Iterable[InvalidInput]) -> InvalidInput:
    """Returns one error that lists all violations, each of them once."""
    by_text = {one.description: one for error in violations for one in error.violations}
    first, *also = by_text.values()
    return InvalidInput(first.field, first.got, first.want, *also)


def check_all(*checks: Callable[[], object]) -> None:
    """Runs every check; raises one InvalidInput that lists the violations of all checks that failed."""
    found = []
    for check in checks:
        try:
            check()
        except InvalidInput as error:
            found.append(error)
    if found:
        raise joined(found)


class MissingExtra(RuntimeError):
    """Error for an optional package that is not installed, or that cannot be loaded for the stated cause.

    Its message is like ``tier2 needs arch: install it with pip install 'collateral[tier2]'``.
    """

    def __init__(self, extra: str, package: str, cause: str = "") -> None:
        install = f"install it with pip install 'collateral[{extra}]'"
        remedy = f"it cannot be loaded ({cause})" if cause else install
        super().__init__(f"{extra} needs {package}: {remedy}")
        self.extra = extra
        self.package = package
        self.cause = cause

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, ...]]:
        """Supports pickling between processes."""
        return MissingExtra, (self.extra, self.package, self.cause)
