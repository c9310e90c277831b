"""Errors a caller can act on: each names the field, the value received and the rule it broke."""

from __future__ import annotations


class InvalidInput(ValueError):
    """A value that breaks a stated rule; reads like ``haircut: got 1.2, want 0 to 1``."""

    def __init__(self, field: str, got: object, want: str) -> None:
        super().__init__(f"{field}: got {got}, want {want}")
        self.field = field
        self.got = got
        self.want = want

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str, str, str]]:
        """How it comes from one process to another; what was got may be anything, so its text goes."""
        return InvalidInput, (self.field, str(self.got), self.want)


class MissingExtra(RuntimeError):
    """A part of the product that is not installed; reads like ``tier2 needs arch: install collateral[tier2]``."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"{extra} needs {package}: install collateral[{extra}]")
        self.extra = extra
        self.package = package
