"""Counts of loans by the values of their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from collateral_registry.v1 import facets_pb2 as pb
from collateral_registry.web.pages.visit import Visit


@dataclass(frozen=True)
class Facets:
    """The values of each field with their numbers of loans, and the number of loans that match the whole filter."""

    by_field: Mapping[str, Sequence[pb.LoanFacetValue]]
    loans: int

    def count(self, field: str, value: str) -> int:
        """Returns the number of loans that have a value in a field."""
        return sum(one.loan_count for one in self.by_field[field] if one.value == value)

    def within(self, fall: Decimal) -> int:
        """Returns the number of loans that reach a margin call if all collateral falls by a share or less."""
        falls = (one for one in self.by_field["price_fall_to_margin_call"] if one.value)
        return sum(one.loan_count for one in falls if Decimal(one.value) <= fall)


def facets_of(found: pb.GetLoanFacetsResponse) -> Facets:
    """Returns the facets of a response."""
    return Facets({facet.field: facet.values for facet in found.facets}, found.loan_count)


async def fetch_facets(visit: Visit, request: pb.GetLoanFacetsRequest) -> Facets:
    """Returns facets of the loans of the book."""
    return facets_of(await visit.book.call(visit.book.services.facets.GetLoanFacets, request))
