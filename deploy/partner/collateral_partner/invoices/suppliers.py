"""Compares the suppliers of documents with the firm whose invoices are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_LETTERS = 60
SEPARATORS = re.compile(r"[\W_]+")
SCHEMES = ("lei:", "uscc:", "vat:")


@dataclass(frozen=True)
class Supplier:
    """Who issued a document: its LEI, empty if it states none, all its identifiers in the normal form, and its name."""

    lei: str
    identifiers: frozenset[str]
    name: str

    @property
    def label(self) -> str:
        """The supplier in messages: its name and its identifiers."""
        return f"{self.name or 'no name'} ({', '.join(sorted(self.identifiers)) or 'no identifier'})"[:SHOWN_LETTERS]

    def is_same(self, other: Supplier) -> bool:
        """Returns whether two suppliers are one: by their LEIs if both state one, else by any identifier, else by name.

        Names decide only where neither states an identifier.
        """
        if self.lei and other.lei:
            return self.lei == other.lei
        if self.identifiers or other.identifiers:
            return bool(self.identifiers & other.identifiers)
        return self.name.casefold() == other.name.casefold()


@dataclass(frozen=True)
class WantedSupplier:
    """The one supplier whose documents are read, as texts: identifiers, with or without their schemes, or its name."""

    texts: tuple[str, ...]

    def check(self, supplier: Supplier) -> None:
        """Raises ValueError if a document was issued by another supplier, or by one that cannot be compared."""
        stated = Supplier(self._lei, frozenset(map(normal_identifier, self.texts)), "")
        is_named = supplier.name.casefold() in {text.casefold() for text in self.texts}
        if not (is_named or stated.is_same(supplier)):
            want = f"an invoice of {' or '.join(self.texts)}"
            raise ValueError(f"AccountingSupplierParty: got {supplier.label}, want {want}; or name it by --supplier")

    @property
    def _lei(self) -> str:
        return next((normal_identifier(text) for text in self.texts if text.lower().startswith("lei:")), "")


def normal_identifier(text: str) -> str:
    """Returns an identifier without its scheme, blanks and separators, in capitals."""
    plain = text.strip()
    scheme = next((one for one in SCHEMES if plain.lower().startswith(one)), "")
    return SEPARATORS.sub("", plain[len(scheme) :]).upper()


def different(suppliers: Iterable[Supplier]) -> list[Supplier]:
    """Returns one of each supplier, in the order in which they first occur."""
    found: list[Supplier] = []
    for one in suppliers:
        if not any(one.is_same(other) for other in found):
            found.append(one)
    return found
