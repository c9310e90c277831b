"""The numbers by which assets and pledges are known, and what else a copy of the same thing would share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from collateral_registry.domain.assets.kinds import (
    Asset,
    Equipment,
    IntellectualProperty,
    Inventory,
    PurchaseOrder,
    Receivable,
)
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.reference_matching import Match, ReferenceNumber, compare_references


class IdentityKind(IntEnum):
    """What kind of number it is; the numbers are stored."""

    RECEIPT = 1
    SERIAL = 2
    RIGHT = 3
    INVOICE = 4
    ORDER = 5
    LOT = 6
    BIN = 7
    NOTICE = 8


class ReferenceVerdict(IntEnum):
    """What two identities say of each other, in rising order."""

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
"""The field that a number is read from, as evidence names it."""


AMOUNT_MARK = "|"
"""Parts good, quantity and unit in the agreement of a lot; no id of a good has it."""

MOVING_KINDS = (IdentityKind.LOT, IdentityKind.BIN)
"""Numbers of places: their goods are what is there now. A receipt states for ever what its paper says."""


@dataclass(frozen=True)
class Identity:
    """A number within its scope (warehouse, maker, office, debtor, registry); ``agreement`` as in the table."""

    kind: IdentityKind
    scope: str
    written: str
    agreement: str

    @property
    def writing(self) -> ReferenceNumber:
        """The number, to be compared."""
        return ReferenceNumber(self.written)

    @property
    def good(self) -> str:
        """The good of a lot; empty where nothing of it is there."""
        return self.agreement.partition(AMOUNT_MARK)[0]


def verdict_of(one: Identity, other: Identity) -> ReferenceVerdict:
    """What two identities of the same kind and scope say.

    The same number is strong: a receipt, a serial number, a registration is given once. A lot's number is strong only
    with the same goods, and a suspicion with the same good in another quantity. Of a bin, and of
    anything an edit apart, only agreeing evidence makes a suspicion: numbers of a series lie an edit apart by nature.
    """
    match = match_within(one, other)
    agrees = bool(one.agreement) and one.agreement == other.agreement
    if match == Match.SAME and one.kind not in {IdentityKind.LOT, IdentityKind.BIN}:
        return ReferenceVerdict.STRONG
    if match == Match.SAME and one.kind == IdentityKind.LOT and agrees:
        return ReferenceVerdict.STRONG
    return ReferenceVerdict.SUSPICION if match > Match.NONE and shared_evidence(one, other) else ReferenceVerdict.NONE


def shared_evidence(one: Identity, other: Identity) -> str:
    """What else agrees: the whole agreement, or of one lot's number the good of both; empty for nothing.

    The quantity of a lot is no evidence against a copy: it falls with every issue, and a copy may state another one.
    """
    if one.agreement == other.agreement:
        return one.agreement
    same_lot = one.kind == IdentityKind.LOT and match_within(one, other) == Match.SAME
    return one.good if same_lot and one.good == other.good else ""


def match_within(one: Identity, other: Identity) -> Match:
    """How much the numbers match; none across kinds and scopes, and no edits in the numbers of places."""
    if (one.kind, one.scope) != (other.kind, other.scope):
        return Match.NONE
    match = compare_references(one.writing, other.writing)
    edits_count = one.kind not in {IdentityKind.LOT, IdentityKind.BIN}
    return match if edits_count or match != Match.ONE_EDIT else Match.NONE


def identities_of(asset: Asset) -> list[Identity]:
    """Every number an asset goes by; those that say nothing are left out."""
    return [one for one in _numbers(asset) if one.writing.letters]


def notice_of(pledge: Pledge, asset: Asset) -> list[Identity]:
    """The registration of a pledge, where it has one."""
    day = pledge.registered.isoformat() if pledge.registered else ""
    thing = next((one.agreement for one in _numbers(asset)), "")
    agreement = f"{day}|{thing}" if day and thing else ""
    notice = Identity(IdentityKind.NOTICE, folded(pledge.registry), pledge.registration_number, agreement)
    return [notice] if notice.writing.letters else []


def folded(text: str) -> str:
    """A name without case, punctuation and leading zeros: two spellings of one warehouse are one place."""
    return ReferenceNumber(text).plain


def _numbers(asset: Asset) -> list[Identity]:
    detail = asset.detail
    if isinstance(detail, Inventory):
        return _lot_numbers(detail)
    if isinstance(detail, Equipment):
        built = detail.built.isoformat() if detail.built else ""
        twin = f"{folded(detail.model)}|{built}" if detail.model and built else ""
        return [Identity(IdentityKind.SERIAL, folded(detail.make), detail.serial_number, twin)]
    if isinstance(detail, IntellectualProperty):
        filed = detail.filing.isoformat() if detail.filing else ""
        office = f"{detail.right_kind.name.lower()} {folded(detail.office)}"
        return [Identity(IdentityKind.RIGHT, office, detail.number, filed)]
    return [_paper_number(asset.owner, detail)]


def _lot_numbers(lot: Inventory) -> list[Identity]:
    place = folded(lot.warehouse)
    goods = goods_of(lot)
    return [
        Identity(IdentityKind.LOT, place, lot.lot, goods),
        Identity(IdentityKind.RECEIPT, place, lot.receipt_number, goods),
        Identity(IdentityKind.BIN, place, lot.bin, goods),
    ]


def goods_of(lot: Inventory) -> str:
    """Good, quantity and unit of a lot: what a copy of it would share. Empty where nothing is there any more."""
    return "" if not lot.quantity else AMOUNT_MARK.join([lot.good, plain_number(lot.quantity), lot.unit])


def _paper_number(owner: str, paper: Receivable | PurchaseOrder) -> Identity:
    issued = paper.issued.isoformat() if paper.issued else ""
    if isinstance(paper, Receivable):
        kind, party, number, money = IdentityKind.INVOICE, paper.debtor, paper.invoice_number, paper.face_amount
    else:
        kind, party, number, money = IdentityKind.ORDER, paper.buyer, paper.order_number, paper.order_amount
    agreement = f"{issued}|{money.minor} {money.currency}" if issued else ""
    return Identity(kind, f"{folded(owner)} {folded(party)}", number, agreement)


def plain_number(value: Decimal) -> str:
    """A number in plain digits without trailing zeros: 100.0 and 1E+2 are 100."""
    return f"{value.normalize():f}"
