"""Errors that callers can act on."""

from __future__ import annotations


class InvalidInput(ValueError):
    """Error for an input value that violates a rule, with a message like ``haircut: got 1.2, want 0 to 1``."""

    def __init__(self, field: str, got: object, want: str) -> None:
        super().__init__(f"{field}: got {got}, want {want}")
        self.field = field
        self.got = got
        self.want = want

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str, str, str]]:
        """Supports pickling between processes; ``got`` is reduced to text because its type may not be picklable."""
        return InvalidInput, (self.field, str(self.got), self.want)


class MissingExtra(RuntimeError):
    """Error for a missing optional dependency, with a message like ``tier2 needs arch: install collateral[tier2]``."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"{extra} needs {package}: install collateral[{extra}]")
        self.extra = extra
        self.package = package
