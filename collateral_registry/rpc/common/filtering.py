"""Filters and pages of lists: which fields each list can be filtered by, and the page that a request asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from collateral_registry.commands.ip.ip_assets import FEE_FILTER
from collateral_registry.commands.pools.invoices import INVOICE_FILTER
from collateral_registry.domain.book.asset_classes import CLASS_FILTER
from collateral_registry.domain.filters.expressions import EVERYTHING, AllOf, Expression, conjuncts
from collateral_registry.domain.filters.fields import FieldType
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.domain.reports.differences import DIFFERENCE_FILTER
from collateral_registry.domain.reports.ltv_rows import LTV_FILTER
from collateral_registry.domain.revaluation.previews import PREVIEW_FILTER
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.rpc.common.paging import Page, Position, page_of
from collateral_registry.store.assets.repository import ASSET_FILTER
from collateral_registry.store.assignments.agreement import CLOSING_FILTER
from collateral_registry.store.assignments.repository import ASSIGNMENT_FILTER
from collateral_registry.store.assignments.statements import EXCLUSIONS, LIMITS, SEARCHES, TERMS
from collateral_registry.store.assignments.verifications import VERIFICATION_FILTER
from collateral_registry.store.book.audit_entries import AUDIT_FILTER
from collateral_registry.store.book.policies import POLICY_FILTER
from collateral_registry.store.borrowing_base.certificates import CERTIFICATE_FILTER
from collateral_registry.store.borrowing_base.reserves import RESERVE_FILTER
from collateral_registry.store.debtors.repository import DEBTOR_FILTER
from collateral_registry.store.disposals.repository import DISPOSAL_FILTER
from collateral_registry.store.equipment.appraisals import APPRAISAL_FILTER
from collateral_registry.store.equipment.models import MODEL_FILTER
from collateral_registry.store.findings.repository import FINDING_FILTER
from collateral_registry.store.ip.events import EVENT_FILTER
from collateral_registry.store.loans.breaches import BREACH_FILTER
from collateral_registry.store.loans.overrides import OVERRIDE_FILTER
from collateral_registry.store.loans.pickups import PICKUP_FILTER
from collateral_registry.store.loans.pledges import PLEDGE_FILTER
from collateral_registry.store.loans.repository import LOAN_FILTER
from collateral_registry.store.prices.haircut_curves import CURVE_FILTER
from collateral_registry.store.prices.series import PRICE_FILTER, SERIES_FILTER
from collateral_registry.store.proposals.repository import PROPOSAL_FILTER
from collateral_registry.store.receivables.entries import ENTRY_FILTER
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS, REJECTED_ENTRIES
from collateral_registry.store.revaluation.runs import RUN_FILTER
from collateral_registry.store.saved_views.repository import SAVED_VIEW_FILTER
from collateral_registry.store.stock.counts import COUNT_FILTER
from collateral_registry.store.stock.feeds import REJECTED_MOVEMENTS, STOCK_FEEDS
from collateral_registry.store.stock.ledger import LOT_FILTER, MOVEMENT_FILTER
from collateral_registry.store.stock.warehouse_scores import WAREHOUSE_FILTER
from collateral_registry.store.valuations.repository import VALUATION_FILTER
from valuation.errors import InvalidInput

Order = TypeVar("Order", bound=StrEnum)

FILTER_FIELDS: Mapping[str, Mapping[str, FieldType]] = {
    "ListAppraisals": APPRAISAL_FILTER.kinds,
    "ListAssetClasses": CLASS_FILTER,
    "ListAssets": ASSET_FILTER.kinds,
    "ListAssignments": ASSIGNMENT_FILTER.kinds,
    "ListAuditEntries": AUDIT_FILTER.kinds,
    "ListBreaches": BREACH_FILTER.kinds,
    "ListClosings": CLOSING_FILTER.kinds,
    "ListCertificates": CERTIFICATE_FILTER.kinds,
    "ListComingFees": FEE_FILTER,
    "ListContractTerms": TERMS.filter.kinds,
    "ListCountedLots": COUNT_FILTER.kinds,
    "ListDebtorLimits": LIMITS.filter.kinds,
    "ListDebtors": DEBTOR_FILTER.kinds,
    "ListDisposals": DISPOSAL_FILTER.kinds,
    "ListEquipmentModels": MODEL_FILTER.kinds,
    "ListExclusions": EXCLUSIONS.filter.kinds,
    "ListInvoices": INVOICE_FILTER,
    "ListFindings": FINDING_FILTER.kinds,
    "ListHaircutEstimates": CURVE_FILTER.kinds,
    "ListInvoiceEntries": ENTRY_FILTER.kinds,
    "ListInvoiceFeeds": INVOICE_FEEDS.filter.kinds,
    "ListLoans": LOAN_FILTER.kinds,
    "ListMovements": MOVEMENT_FILTER.kinds,
    "ListOverrides": OVERRIDE_FILTER.kinds,
    "ListPickups": PICKUP_FILTER.kinds,
    "ListPledges": PLEDGE_FILTER.kinds,
    "ListPolicies": POLICY_FILTER.kinds,
    "ListPriceSeries": SERIES_FILTER.kinds,
    "ListPrices": PRICE_FILTER.kinds,
    "ListProposals": PROPOSAL_FILTER.kinds,
    "ListRejectedEntries": REJECTED_ENTRIES.filter.kinds,
    "ListRejectedMovements": REJECTED_MOVEMENTS.filter.kinds,
    "ListRegistrySearches": SEARCHES.filter.kinds,
    "ListReserves": RESERVE_FILTER.kinds,
    "ListRevaluations": RUN_FILTER.kinds,
    "ListRightEvents": EVENT_FILTER.kinds,
    "ListSavedViews": SAVED_VIEW_FILTER.kinds,
    "ListStockFeeds": STOCK_FEEDS.filter.kinds,
    "ListStockLots": LOT_FILTER.kinds,
    "ListValuations": VALUATION_FILTER.kinds,
    "ListVerifications": VERIFICATION_FILTER.kinds,
    "ListWarehouses": WAREHOUSE_FILTER.kinds,
    "GenerateBreachReport": BREACH_FILTER.kinds,
    "GenerateDifferenceReport": DIFFERENCE_FILTER,
    "GenerateConcentrationReport": LTV_FILTER,
    "GenerateLtvReport": LTV_FILTER,
    "GetLoanFacets": LTV_FILTER,
    "PreviewRevaluation": PREVIEW_FILTER,
    "StreamLtvReport": LTV_FILTER,
}
"""The fields of each method that takes a filter."""


class FilteredRequest(Protocol):
    """Request message with the fields of paging and a filter."""

    page_size: int
    page_token: str
    filter: str


def filter_of(method: str, text: str) -> Expression:
    """Returns the filter of a request for a method; raises InvalidInput with the position of the error."""
    return parse_filter(text, FILTER_FIELDS[method])


def order_of(orders: type[Order], text: str) -> Order:
    """Returns the order of a list that a request states; raises InvalidInput for another one."""
    try:
        return orders(text)
    except ValueError:
        wanted = ", ".join(order.value for order in orders if order.value)
        raise InvalidInput("order_by", repr(text[:40]), f"nothing or one of {wanted}") from None


def filtered_page(
    request: FilteredRequest,
    method: str,
    start: Position,
    *scope: object,
    of_parent: Callable[[str], Expression] = lambda _: EVERYTHING,
) -> tuple[Expression, Page[Position]]:
    """Returns the filter, restricted to the parent, and the page that a request asks for.

    ``scope`` are fields other than the parent that select or order rows. A page token is valid only for the same
    lender, method, parent, scope and filter. Raises one InvalidInput that lists every wrong field.
    """
    parent: str = getattr(request, "parent", "")
    query = repr((current_caller().lender, method, parent, *map(str, scope), request.filter))
    read = convert.read_all(
        filter=lambda: filter_of(method, request.filter),
        parent=lambda: of_parent(parent),
        page=lambda: page_of(request, query, start),
    )
    return AllOf((*conjuncts(read["filter"]), *conjuncts(read["parent"]))), read["page"]
