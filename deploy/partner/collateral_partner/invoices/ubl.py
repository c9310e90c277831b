"""Reads invoices and credit notes of UBL 2.1 (also Peppol BIS and EN 16931) as entries of an invoice ledger.

A document type declaration is refused, so that no entity is expanded and nothing outside the file is read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder  # the builder of a tree; the parser below reads the file
from xml.parsers import expat

from collateral_partner.feeds.item_rows import SHOWN_LETTERS
from collateral_partner.invoices.entries import OTHER_PAYEE, Entry
from collateral_partner.invoices.entry_files import debtor_of
from collateral_partner.invoices.suppliers import Supplier, WantedSupplier, different, normal_identifier

FILE_LIMIT_BYTES = 10 * 1024 * 1024
DEPTH_LIMIT = 64
SUFFIX = ".xml"

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
INVOICE, CREDIT_NOTE = f"{{{_UBL}Invoice-2}}Invoice", f"{{{_UBL}CreditNote-2}}CreditNote"
NAMES = {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"}
"""Namespaces of the elements."""

LEI_SCHEMES = frozenset({"0199", "LEI"})
"""Schemes of an identifier that is an LEI: the code of ISO 6523, and the name."""

CREDIT_CODES = frozenset({81, 83, 261, 262, 296, 308, 381, 420, 458, 532})
"""Codes of UNTDID 1001 for credit notes, which some systems write as an Invoice."""

NUMBERS = ("cbc:EndpointID", "cac:PartyIdentification/cbc:ID", "cac:PartyLegalEntity/cbc:CompanyID")
"""Identifiers of a party, besides that for taxes."""

CREDIT_NOTE_CODE = 381
CODE_DIGITS = 4
SHOWN_SUPPLIERS = 5

DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""An amount and a day as the types of XML Schema write them; Python reads many other forms."""

DEBIT_NOTE_CODES = frozenset({383})
CORRECTED_CODES = frozenset({384})
ORDER = {"INVOICE": 0, "CORRECTION": 1}
"""Invoices precede what refers to them."""


@dataclass(frozen=True)
class UblDocument:
    """The entry of a document, and who issued it."""

    entry: Entry
    supplier: Supplier


@dataclass
class UblEntries:
    """The entries of files with the name of the file of each by its id, and the refused files with their reasons.

    ``suppliers`` are those of the entries.
    """

    entries: list[Entry] = field(default_factory=list)
    file_of: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    suppliers: list[Supplier] = field(default_factory=list)


def read_ubl(path: Path, pool: str, wanted: WantedSupplier | None = None) -> UblEntries:
    """Reads a file, or every file with the suffix .xml in a folder, as entries of a pool.

    An invoice that was read precedes what refers to it. A file that cannot be read, or whose supplier is not the wanted
    one, is refused and stops no other. Raises ValueError for files of several suppliers if none is wanted.
    """
    found = UblEntries()
    paths = sorted(one for one in path.iterdir() if one.suffix.lower() == SUFFIX) if path.is_dir() else [path]
    for one in paths:
        try:
            document = document_of(_bytes_of(one), pool)
            if wanted is not None:
                wanted.check(document.supplier)
        except (ValueError, OSError) as error:
            found.refused.append((one.name, str(error)))
            continue
        entry = document.entry
        if entry.entry_id in found.file_of:
            reason = f"ID: got {entry.number!r} as in {found.file_of[entry.entry_id]}, want each document once"
            found.refused.append((one.name, reason))
            continue
        found.entries.append(entry)
        found.file_of[entry.entry_id] = one.name
        found.suppliers.append(document.supplier)
    found.suppliers = different(found.suppliers)
    if wanted is None and len(found.suppliers) > 1:
        got = " and ".join(one.label for one in found.suppliers[:SHOWN_SUPPLIERS])
        raise ValueError(
            f"AccountingSupplierParty: got {got}, want one supplier, or --supplier with the one that counts"
        )
    found.entries.sort(key=lambda one: (ORDER.get(one.kind, 2), one.happened or datetime.min.replace(tzinfo=UTC)))
    return found


def document_of(content: bytes, pool: str) -> UblDocument:
    """Returns entry and supplier of a document; raises ValueError naming the element that is missing or invalid."""
    root = _parsed(content)
    if root.tag not in {INVOICE, CREDIT_NOTE}:
        raise ValueError(f"root: got {root.tag[:SHOWN_LETTERS]!r}, want Invoice or CreditNote of UBL 2.1")
    number, issued = _required(root, "cbc:ID"), _day(root, "cbc:IssueDate")
    if issued is None:
        raise ValueError("IssueDate: got nothing, want a date such as 2024-05-02")
    code = _code(root, "cbc:CreditNoteTypeCode" if root.tag == CREDIT_NOTE else "cbc:InvoiceTypeCode")
    is_credit = root.tag == CREDIT_NOTE or code in CREDIT_CODES
    about = _text(root, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
    kind = _kind(code, about, is_credit=is_credit)
    debtor = _debtor(root)
    amount, currency = _amount(root)
    opens = kind == "INVOICE"
    entry = Entry(
        entry_id=_entry_id("credit note" if is_credit else "invoice", debtor, number),
        kind=kind,
        happened=datetime.combine(issued, time(), UTC),
        pool="" if kind == "CORRECTION" else pool,
        debtor="" if kind == "CORRECTION" else debtor,
        number={"INVOICE": number, "UNAPPLIED": "", "CORRECTION": ""}.get(kind, about),
        amount=amount,
        currency=currency,
        type_code=_type_code(kind, code),
        issued=issued if opens else None,
        due=_day(root, "cbc:DueDate", "cac:PaymentMeans/cbc:PaymentDueDate") if opens else None,
        delivered=_delivered(root) if opens else None,
        flags=OTHER_PAYEE if kind == "INVOICE" and root.find("cac:PayeeParty", NAMES) is not None else 0,
        corrects=_entry_id("invoice", debtor, about) if kind == "CORRECTION" else "",
        document=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
    return UblDocument(entry, _supplier(root))


def _kind(code: int, about: str, *, is_credit: bool) -> str:
    """Returns the kind of entry of a document; a credit note about no invoice is a credit of the debtor."""
    if is_credit:
        return "CREDIT_NOTE" if about else "UNAPPLIED"
    if about and code in CORRECTED_CODES:
        return "CORRECTION"
    return "DEBIT_NOTE" if about and code in DEBIT_NOTE_CODES else "INVOICE"


def _type_code(kind: str, code: int) -> int:
    """Returns the code that an entry states; that of a credit of the debtor tells it from cash."""
    if kind == "UNAPPLIED":
        return code if code in CREDIT_CODES else CREDIT_NOTE_CODE
    return code if kind == "INVOICE" else 0


def _entry_id(document: str, debtor: str, number: str) -> str:
    return f"{document} {debtor} {number}"


def _bytes_of(path: Path) -> bytes:
    size = path.stat().st_size
    if size > FILE_LIMIT_BYTES:
        raise ValueError(f"file: got {size} bytes, want at most {FILE_LIMIT_BYTES}")
    return path.read_bytes()


def _parsed(content: bytes) -> Element:
    """Returns the tree of a document; raises ValueError for one that is not well-formed or has a DTD."""
    if len(content) > FILE_LIMIT_BYTES:
        raise ValueError(f"file: got {len(content)} bytes, want at most {FILE_LIMIT_BYTES}")
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_LIMIT:
            raise ValueError(f"elements: got more than {DEPTH_LIMIT} within each other, want an invoice of UBL")
        builder.start(_named(tag), attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(tag))

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_doctype
    try:
        is_last = True
        parser.Parse(content, is_last)
    except expat.ExpatError as error:
        raise ValueError(f"file: got XML that is not well-formed ({error}), want an invoice of UBL") from None
    except LookupError:
        raise ValueError("file: got an encoding that is not known, want UTF-8 or UTF-16") from None
    return builder.close()


def _named(tag: str) -> str:
    """Returns the name of an element as a tree has it, {namespace}name; the parser gives namespace}name."""
    return "{" + tag if "}" in tag else tag


def _refuse_doctype(*_: object) -> NoReturn:
    raise ValueError("file: got a document type declaration, want none: an invoice of UBL has no DTD and no entities")


def _found(root: Element, *paths: str) -> Element | None:
    """Returns the first element at one of the paths."""
    return next((one for path in paths for one in root.iterfind(path, NAMES)), None)


def _text(root: Element, *paths: str) -> str:
    found = _found(root, *paths)
    return "" if found is None else (found.text or "").strip()


def _required(root: Element, path: str) -> str:
    text = _text(root, path)
    if not text:
        raise ValueError(f"{_label(path)}: got nothing, want a text")
    return text


def _label(path: str) -> str:
    return path.rpartition(":")[2]


def _day(root: Element, *paths: str) -> date | None:
    text = _text(root, *paths)
    if not text:
        return None
    want = f"{_label(paths[0])}: got {text[:SHOWN_LETTERS]!r}, want a date such as 2024-05-02"
    # The date may have a time zone, such as 2024-05-02Z or 2024-05-02+02:00.
    if not (found := DAY.match(text)):
        raise ValueError(want)
    try:
        return date.fromisoformat(found[0])
    except ValueError:
        raise ValueError(want) from None


def _delivered(root: Element) -> date | None:
    """Returns the last day of delivery, of the document and of its lines; None if one of them has none."""
    own = root.findall("cac:Delivery", NAMES)
    days = [
        _day(one, "cbc:ActualDeliveryDate") for one in (*own, *root.iterfind("cac:InvoiceLine/cac:Delivery", NAMES))
    ]
    known = [day for day in days if day is not None]
    return max(known) if own and len(known) == len(days) else None


def _code(root: Element, path: str) -> int:
    text = _text(root, path)
    if text and not (text.isascii() and text.isdigit() and len(text) <= CODE_DIGITS):
        raise ValueError(f"{_label(path)}: got {text[:SHOWN_LETTERS]!r}, want a code of UNTDID 1001 such as 380")
    return int(text or "0")


def _amount(root: Element) -> tuple[Decimal, str]:
    """Returns the payable amount and its currency."""
    found = _found(root, "cac:LegalMonetaryTotal/cbc:PayableAmount")
    text = "" if found is None else (found.text or "").strip()
    if not DECIMAL.fullmatch(text):
        raise ValueError(f"PayableAmount: got {text[:SHOWN_LETTERS]!r}, want an amount such as 1234.50")
    amount = Decimal(text)
    if amount <= 0:
        raise ValueError(f"PayableAmount: got {text[:SHOWN_LETTERS]}, want more than 0")
    currency = (found.get("currencyID", "") if found is not None else "") or _text(root, "cbc:DocumentCurrencyCode")
    return amount, currency


def _debtor(root: Element) -> str:
    """Returns the customer: by its LEI, its VAT number, its register number, or its name, whichever is stated first."""
    party = _found(root, "cac:AccountingCustomerParty/cac:Party")
    if party is None:
        raise ValueError("AccountingCustomerParty: got nothing, want the customer")
    lei = _lei(party)
    if lei:
        return f"lei:{lei}"
    vat = _text(party, "cac:PartyTaxScheme/cbc:CompanyID")
    if vat:
        return f"vat:{vat}"
    named = _text(party, "cac:PartyLegalEntity/cbc:CompanyID", "cac:PartyIdentification/cbc:ID")
    name = named or _text(party, "cac:PartyLegalEntity/cbc:RegistrationName", "cac:PartyName/cbc:Name")
    if not name:
        raise ValueError("AccountingCustomerParty: got no identifier and no name, want one of them")
    return debtor_of(name)


def _lei(party: Element) -> str:
    """Returns the LEI of a party; empty if it states none."""
    elements = (element for path in NUMBERS for element in party.iterfind(path, NAMES))
    found = (one.text.strip() for one in elements if one.get("schemeID", "").upper() in LEI_SCHEMES and one.text)
    return next(found, "")


def _supplier(root: Element) -> Supplier:
    """Returns who issued a document; raises ValueError if it states neither an identifier nor a name."""
    party = _found(root, "cac:AccountingSupplierParty/cac:Party")
    if party is None:
        raise ValueError("AccountingSupplierParty: got nothing, want the supplier")
    paths = (*NUMBERS, "cac:PartyTaxScheme/cbc:CompanyID")
    texts = [one.text or "" for path in paths for one in party.iterfind(path, NAMES)]
    name = _text(party, "cac:PartyLegalEntity/cbc:RegistrationName", "cac:PartyName/cbc:Name")
    found = Supplier(normal_identifier(_lei(party)), frozenset(map(normal_identifier, texts)) - {""}, name)
    if not found.identifiers and not name:
        raise ValueError("AccountingSupplierParty: got no identifier and no name, want one of them")
    return found
