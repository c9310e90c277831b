"""Assets that are claims on another firm: invoices, pools of invoices, and purchase orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.field_checks import check_term, text_checks
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_id
from valuation.errors import InvalidInput, check_all

TYPE_CODE_LIMIT = 999
"""Largest code of a document type in UNTDID 1001."""


class Recourse(IntEnum):
    """Whether the owner must buy back what its debtors do not pay; the numeric values are stored and sent."""

    NOT_STATED = 0
    WITH_RECOURSE = 1
    WITHOUT_RECOURSE = 2


class Disclosure(IntEnum):
    """Whether debtors know of the assignment; the numeric values are stored and sent."""

    NOT_STATED = 0
    DISCLOSED = 1
    UNDISCLOSED = 2


class PoolConcentration(IntEnum):
    """How a pool measures the share of a debtor; the numeric values are stored and sent.

    The values above 0 are those of ``concentration_mode`` in a policy, which applies if none is stated.
    """

    NOT_STATED = 0
    GROSS = 1
    ELIGIBLE = 2
    FIXED_POINT = 3
    NONE = 4


@dataclass(frozen=True)
class Receivable:
    """An invoice that a debtor owes to the asset's owner, identified by debtor and invoice number.

    It is valued as a pool of one invoice. ``debtor`` may be the id or an identifier of a registered debtor;
    ``owner_debtor`` is the debtor as which the owner is registered, from which its group and its country follow.
    ``type_code`` is a code of UNTDID 1001, 0 if it is not stated.
    """

    debtor: str
    invoice_number: str
    face_amount: Money | None = None
    issued: date | None = None
    due: date | None = None
    delivered: date | None = None
    type_code: int = 0
    owner_debtor: str = ""

    kind = Kind.RECEIVABLE
    good = ""
    place = ""

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            *text_checks("receivable", self, "debtor", "invoice_number"),
            *text_checks("receivable", self, "owner_debtor", required=False),
            lambda: check_term("receivable", self.issued, self.due),
            self._check_type,
        )

    def _check_type(self) -> None:
        if not 0 <= self.type_code <= TYPE_CODE_LIMIT:
            raise InvalidInput("receivable.type_code", self.type_code, f"a code of UNTDID 1001, 1 to {TYPE_CODE_LIMIT}")

    @property
    def identity(self) -> str:
        """Natural key, which is unique among the assets of one owner."""
        return f"debtor {self.debtor} invoice {self.invoice_number}"


@dataclass(frozen=True)
class ReceivablePool:
    """The changing set of invoices that the debtors of the asset's owner owe; its ledger has the id of the asset.

    ``invoice_feed`` is the feed that reports its entries. ``owner_debtor`` is the debtor as which the owner is
    registered, from which its group and its country follow.
    """

    invoice_feed: str = ""
    recourse: Recourse = Recourse.NOT_STATED
    disclosure: Disclosure = Disclosure.NOT_STATED
    collection_account: str = ""
    concentration_mode: PoolConcentration = PoolConcentration.NOT_STATED
    owner_debtor: str = ""

    kind = Kind.RECEIVABLE_POOL
    good = ""
    place = ""
    identity = "receivable pool"

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            lambda: checked_id("receivable_pool.invoice_feed", self.invoice_feed) if self.invoice_feed else None,
            *text_checks("receivable_pool", self, "collection_account", "owner_debtor", required=False),
        )


@dataclass(frozen=True)
class PurchaseOrder:
    """A confirmed purchase order, identified by buyer and order number."""

    buyer: str
    order_number: str
    order_amount: Money | None = None
    issued: date | None = None
    due: date | None = None

    kind = Kind.PURCHASE_ORDER
    good = ""
    place = ""

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            *text_checks("purchase_order", self, "buyer", "order_number"),
            lambda: check_term("purchase_order", self.issued, self.due),
        )

    @property
    def identity(self) -> str:
        """Natural key, which is unique among the assets of one owner."""
        return f"buyer {self.buyer} order {self.order_number}"
