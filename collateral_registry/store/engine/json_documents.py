"""Converts domain types to JSON text and back without losing digits of amounts and decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import ROUND_UP, Decimal, localcontext
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from collateral_registry.domain.shared.names import with_visible_characters
from collateral_registry.domain.shared.quantities import DIGITS_LIMIT, has_few_digits

T = TypeVar("T")

LEAST = Decimal(1).scaleb(-DIGITS_LIMIT)


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def to_document(value: object) -> str:
    """Returns the value as JSON."""
    return _adapter(type(value)).dump_json(value).decode()


def from_document(kind: type[T], document: str) -> T:
    """Builds a value of the given type from JSON; the checks of the type run again.

    Documents of earlier versions may hold decimals with more decimals than DIGITS_LIMIT, which are rounded away from
    zero, so that a number that must be positive stays so. Characters that no text may have today are replaced.
    """
    found = _adapter(kind).validate_json(with_visible_characters(document))
    return cast("T", _with_few_digits(found)) if "E-" in document else found


def _with_few_digits(value: Any) -> Any:  # noqa: ANN401 - the value of any field
    """Returns a value in which no decimal has more decimals than DIGITS_LIMIT; the same value if none has."""
    if isinstance(value, Decimal) and value.is_finite() and not has_few_digits(value):
        with localcontext(prec=3 * DIGITS_LIMIT):
            return value.quantize(LEAST, ROUND_UP) if value.adjusted() < DIGITS_LIMIT else value
    if is_dataclass(value) and not isinstance(value, type):
        now = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        then = {name: _with_few_digits(part) for name, part in now.items()}
        changed = {name: part for name, part in then.items() if part is not now[name]}
        return replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        parts = {key: _with_few_digits(part) for key, part in value.items()}
        return parts if any(parts[key] is not value[key] for key in parts) else value
    return value
