"""The fields that say which thing an asset is and whose it is, as opposed to facts about it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.kinds import Asset, Detail, IntellectualProperty
from collateral_registry.domain.assets.right_numbers import check_right_number, office_code, right_number, right_scope
from collateral_registry.domain.shared.identifiers import check_identifier
from collateral_registry.domain.shared.reference_matching import Match, ReferenceNumber, compare_references

IDENTITY_FIELDS: dict[Kind, dict[str, str]] = {
    Kind.INVENTORY: {"good": "good", "warehouse": "warehouse", "lot": "lot", "receipt_number": "receipt_number"},
    Kind.EQUIPMENT: {"make": "make", "serial_number": "serial_number"},
    Kind.INTELLECTUAL_PROPERTY: {"right_kind": "kind", "office": "office", "number": "number"},
    Kind.RECEIVABLE: {"debtor": "debtor", "invoice_number": "invoice_number"},
    Kind.PURCHASE_ORDER: {"buyer": "buyer", "order_number": "order_number"},
    Kind.RECEIVABLE_POOL: {},
}
"""Fields of each kind that identify the asset, with their names in the contract."""

NUMBERS = ("lot", "receipt_number", "bin", "serial_number", "number", "invoice_number", "order_number")
"""Fields of assets of any kind that hold an identifier issued elsewhere."""


def identity_changes(before: Asset, after: Asset) -> dict[str, tuple[str, str]]:
    """Returns the identity fields whose meaning changed, by name in the contract, with the old and the new text.

    Another spelling is no change, and neither is a receipt number that is stated for the first time.
    """
    found = {}
    if not _same("owner", before, after):
        found["owner"] = (before.owner, after.owner)
    prefix = before.detail.kind.name.lower()
    for name, field in IDENTITY_FIELDS[before.detail.kind].items():
        if not _same(name, before, after) and _text(name, before):
            found[f"{prefix}.{field}"] = (_text(name, before), _text(name, after))
    return found


def with_identity_of(asset: Asset, other: Asset) -> Asset:
    """Returns the asset with the identity and the owner of another asset of its kind."""
    names = IDENTITY_FIELDS[asset.detail.kind]
    detail = replace(asset.detail, **{name: getattr(other.detail, name) for name in names})
    return replace(asset, owner=other.owner, detail=detail)


def check_numbers(asset: Asset, before: Asset | None) -> None:
    """Raises InvalidInput if a new number of an asset is in scientific notation or has a wrong check digit.

    Numbers that have not changed since ``before`` are not checked, so that an asset of an older version can change.
    """
    prefix = asset.detail.kind.name.lower()
    for name in NUMBERS:
        text = getattr(asset.detail, name, "")
        if before is None or getattr(before.detail, name, "") != text:
            check_identifier(f"{prefix}.{name}", text)
    right, old = asset.detail, before.detail if before else None
    if isinstance(right, IntellectualProperty) and _right(right) != _right(old):
        check_right_number(f"{prefix}.number", right.right_kind, right.office, right.number)


def _right(detail: Detail | None) -> tuple[object, ...]:
    """Returns kind, office and number of an IP asset; nothing for other details."""
    return (detail.right_kind, detail.office, detail.number) if isinstance(detail, IntellectualProperty) else ()


def _text(name: str, asset: Asset) -> str:
    value = asset.owner if name == "owner" else getattr(asset.detail, name)
    return value.name if isinstance(value, Enum) else str(value)


def _same(name: str, before: Asset, after: Asset) -> bool:
    """Returns whether a field means the same in both assets."""
    old, new = _text(name, before), _text(name, after)
    if old == new:
        return True
    one, other = before.detail, after.detail
    if isinstance(one, IntellectualProperty) and isinstance(other, IntellectualProperty):
        if name in {"right_kind", "office"}:
            return name == "office" and office_code(old) == office_code(new)
        if name == "number":
            old = right_number(one.right_kind, one.office, old)
            new = right_number(other.right_kind, other.office, new)
            same_series = right_scope(one.right_kind, one.office) == right_scope(other.right_kind, other.office)
            return same_series and _spelled_alike(old, new)
    return name != "good" and _spelled_alike(old, new)


def _spelled_alike(old: str, new: str) -> bool:
    return compare_references(ReferenceNumber(old), ReferenceNumber(new)) == Match.SAME
