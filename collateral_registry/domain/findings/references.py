"""Reference numbers of assets and pledges, compared to find assets that are registered or pledged twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum
from itertools import product
from typing import assert_never

from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.assets.right_numbers import comparable_number, right_scope
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.reference_matching import Match, ReferenceNumber, compare_references


class IdentityKind(IntEnum):
    """Kind of a reference number; the numeric values are stored."""

    RECEIPT = 1
    SERIAL = 2
    RIGHT = 3
    INVOICE = 4
    ORDER = 5
    LOT = 6
    BIN = 7
    NOTICE = 8


class ReferenceVerdict(IntEnum):
    """Strength of the evidence that two references belong to the same asset, in ascending order."""

    NONE = 0
    SUSPICION = 1
    STRONG = 2


FIELD_OF = {
    IdentityKind.RECEIPT: "receipt_number",
    IdentityKind.SERIAL: "serial_number",
    IdentityKind.RIGHT: "number",
    IdentityKind.INVOICE: "invoice_number",
    IdentityKind.ORDER: "order_number",
    IdentityKind.LOT: "lot",
    IdentityKind.BIN: "bin",
    IdentityKind.NOTICE: "registration_number",
}
"""The field that holds each kind of number, as it is named in evidence."""


AMOUNT_MARK = "|"
"""Separates good, quantity and unit in the agreement of a lot. Ids of goods cannot contain it."""

MOVING_KINDS = (IdentityKind.LOT, IdentityKind.BIN)
"""Kinds that name a place whose goods change with movements. A receipt, in contrast, always stands for the same
goods."""


@dataclass(frozen=True)
class Identity:
    """A reference number that is unique within its scope, which is a warehouse, maker, office, debtor or registry.

    ``agreement`` holds the other facts that a second registration of the same asset would repeat, such as the good,
    quantity and unit of a lot. It is empty if too little is stated.
    """

    kind: IdentityKind
    scope: str
    written: str
    agreement: str

    @property
    def writing(self) -> ReferenceNumber:
        """The number in comparable form."""
        if self.kind == IdentityKind.RIGHT and self.written:
            return ReferenceNumber(comparable_number(self.scope, self.written))
        return ReferenceNumber(self.written)

    @property
    def good(self) -> str:
        """The good of a lot; empty if its quantity is 0."""
        return self.agreement.partition(AMOUNT_MARK)[0]


def verdict_of(one: Identity, other: Identity) -> ReferenceVerdict:
    """Returns how strongly two references suggest the same asset.

    Equal numbers are strong evidence, because receipts, serial numbers and registrations are issued once. Equal lot
    numbers are strong evidence if the goods are equal, and a suspicion if only the quantity differs. Equal bins, and
    numbers that are one edit apart, are a suspicion only with shared evidence, because consecutive numbers also differ
    by one edit.
    """
    match = match_within(one, other)
    agrees = bool(one.agreement) and one.agreement == other.agreement
    if match == Match.SAME and one.kind not in {IdentityKind.LOT, IdentityKind.BIN}:
        return ReferenceVerdict.STRONG
    if match == Match.SAME and one.kind == IdentityKind.LOT and agrees:
        return ReferenceVerdict.STRONG
    return ReferenceVerdict.SUSPICION if match > Match.NONE and shared_evidence(one, other) else ReferenceVerdict.NONE


def is_same_thing(one: Asset, other: Asset) -> bool:
    """Returns whether two assets have the same natural key, or numbers that are strong evidence of one thing."""
    pairs = product(identities_of(one), identities_of(other))
    return one.identity == other.identity or any(verdict_of(*pair) == ReferenceVerdict.STRONG for pair in pairs)


def shared_evidence(one: Identity, other: Identity) -> str:
    """Returns the evidence besides the number that both references share; empty if there is none.

    The evidence is the whole agreement. For equal lot numbers, the good alone is enough. A different quantity does not
    refute a duplicate lot, because the quantity falls with every issue and may be declared differently.
    """
    if one.agreement == other.agreement:
        return one.agreement
    same_lot = one.kind == IdentityKind.LOT and match_within(one, other) == Match.SAME
    return one.good if same_lot and one.good == other.good else ""


def match_within(one: Identity, other: Identity) -> Match:
    """Returns how closely the numbers match.

    Returns NONE for different kinds or scopes. It also returns NONE for lots and bins whose numbers are one edit apart,
    because neighbouring places often have such numbers.
    """
    if (one.kind, one.scope) != (other.kind, other.scope):
        return Match.NONE
    match = compare_references(one.writing, other.writing)
    allows_edits = one.kind not in {IdentityKind.LOT, IdentityKind.BIN}
    return match if allows_edits or match != Match.ONE_EDIT else Match.NONE


def identities_of(asset: Asset) -> list[Identity]:
    """Returns the reference numbers of an asset, except those that contain no letter or digit."""
    return [one for one in _references(asset) if one.writing.letters]


def notice_of(pledge: Pledge, asset: Asset) -> list[Identity]:
    """Returns the registration of a pledge; an empty list if it has none."""
    day = pledge.registered.isoformat() if pledge.registered else ""
    of_asset = next((one.agreement for one in _references(asset)), "")
    agreement = f"{day}|{of_asset}" if day and of_asset else ""
    notice = Identity(IdentityKind.NOTICE, folded(pledge.registry), pledge.registration_number, agreement)
    return [notice] if notice.writing.letters else []


def folded(text: str) -> str:
    """Returns a name without case, punctuation and leading zeros, so that all spellings of a warehouse become equal."""
    return ReferenceNumber(text).plain


def _references(asset: Asset) -> list[Identity]:
    match asset.detail:
        case Inventory() as lot:
            return _lot_references(lot)
        case Equipment() as machine:
            built = machine.built.isoformat() if machine.built else ""
            agreement = f"{folded(machine.model)}|{built}" if machine.model and built else ""
            return [Identity(IdentityKind.SERIAL, folded(machine.make), machine.serial_number, agreement)]
        case IntellectualProperty() as ip_asset:
            filed = ip_asset.filing.isoformat() if ip_asset.filing else ""
            series = right_scope(ip_asset.right_kind, ip_asset.office)
            return [Identity(IdentityKind.RIGHT, series, ip_asset.number, filed)]
        case Receivable() as paper:
            scope = f"{folded(asset.owner)} {folded(paper.debtor)}"
            agreement = _paper_agreement(paper.issued, paper.face_amount)
            return [Identity(IdentityKind.INVOICE, scope, paper.invoice_number, agreement)]
        case PurchaseOrder() as paper:
            scope = f"{folded(asset.owner)} {folded(paper.buyer)}"
            agreement = _paper_agreement(paper.issued, paper.order_amount)
            return [Identity(IdentityKind.ORDER, scope, paper.order_number, agreement)]
        case ReceivablePool():
            return []
        case _:
            assert_never(asset.detail)


def _lot_references(lot: Inventory) -> list[Identity]:
    place = folded(lot.warehouse)
    goods = goods_of(lot)
    return [
        Identity(IdentityKind.LOT, place, lot.lot, goods),
        Identity(IdentityKind.RECEIPT, place, lot.receipt_number, goods),
        Identity(IdentityKind.BIN, place, lot.bin, goods),
    ]


def goods_of(lot: Inventory) -> str:
    """Returns the agreement of a lot: its good, quantity and unit; empty if its quantity is 0."""
    return "" if not lot.quantity else AMOUNT_MARK.join([lot.good, plain_number(lot.quantity), lot.unit])


def _paper_agreement(issued: date | None, amount: Money | None) -> str:
    return f"{issued.isoformat()}|{amount.minor} {amount.currency}" if issued and amount else ""


def plain_number(value: Decimal) -> str:
    """Formats a number in plain digits without trailing zeros: 100.0 and 1E+2 become 100."""
    return f"{value.normalize():f}"
