"""Requests of every unary method with all required fields, and the paths of the fields that a caller may set."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.api.field_behavior_pb2 import OUTPUT_ONLY, REQUIRED, field_behavior
from google.api.resource_pb2 import resource, resource_reference
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from tests.support.contract_book import BESIDES, DAY, EXAMPLES, METHODS as ALL_METHODS, OPENING, Book

METHODS = {
    name: method for name, method in ALL_METHODS.items() if not (method.client_streaming or method.server_streaming)
}
"""Methods of the contract that take one request and return one response."""

PACKAGE = "collateral_registry.v1."
HALF = '{value: "0.5"}'
RATES = f"royalty_rate {HALF} tax_rate {HALF} discount_rate {HALF}"
PATENT = f'kind: RIGHT_KIND_PATENT office: "EP" number: "9" next_year_revenue {{currency_code: "USD" units: 9}} {RATES}'
MACHINE = 'make: "Okura" serial_number: "9" equipment_class: "metalworking_machines"'
HEAD = 'owner: "Acme" currency_code: "USD" asset_class:'
POOL = f'{HEAD} "receivable.trade" receivable_pool {{}}'
COLUMNS = 'sequence: 1 entry_ids: "i-1" kinds: INVOICE_ENTRY_KIND_INVOICE'
ASSUMED = "state: ASSIGNMENT_STATE_NOTIFIED"
ONE = '{value: "1"}'
FURTHER = [
    *OPENING,
    *(
        one for one in BESIDES.values() if one[0] not in {"ResolveRejectedMovement", "ResolveRejectedEntry"}
    ),  # they book by the rules of RecordMovements and RecordInvoiceEntries
    ("CreateAsset", f'asset_id: "r-1" asset {{{HEAD} "receivable" receivable {{debtor: "Bo" invoice_number: "7"}}}}'),
    (
        "CreateAsset",
        f'asset_id: "p-1" asset {{{HEAD} "order" purchase_order {{buyer: "Bo" order_number: "7"}}}}',
    ),
    ("GetInvoice", 'name: "assets/claim-1/debtors/core-1/invoices/7"'),
    ("ExplainInvoice", 'name: "assets/claim-1/debtors/core-1/invoices/7"'),
    ("GetPoolStatement", 'name: "assets/claim-1"'),
    ("GetDebtorExposure", 'name: "debtors/core-1"'),
    ("ListInvoices", 'parent: "assets/claim-1"'),
    ("GetBorrowingBase", 'name: "loans/loan-4"'),
    ("GetLoanHistory", 'name: "loans/loan-1"'),
    ("BatchGetLtvHistories", 'names: "loans/loan-1"'),
    ("GenerateDifferenceReport", "before {sequence: 1}"),
    ("GetInclusionProof", "sequence: 1"),
    ("GetConsistencyProof", "first_tree_size: 1"),
    ("CheckDraw", 'name: "loans/loan-1" amount {currency_code: "USD" units: 1}'),
    ("CheckPickup", f'loan: "loans/loan-1" asset: "assets/lot-4" quantity {ONE}'),
    ("QuoteAsset", f'asset {{{HEAD} "equipment.commodity_machine" equipment {{{MACHINE}}}}}'),
    ("QuotePool", 'assets {name: "assets/lot-2"} currency_code: "USD"'),
    (
        "QuotePool",
        f'currency_code: "USD" assets {{draft {{{HEAD} "equipment.commodity_machine" equipment {{{MACHINE}}}}}}}',
    ),
    ("QuoteReceivablePool", f"draft {{{POOL}}} entries {{{COLUMNS}}}"),
    ("QuoteReceivablePool", f"draft {{{POOL}}} entries {{{COLUMNS}}} assumed_assignment {{{ASSUMED}}}"),
    ("QuoteRight", f'right {{{PATENT}}} currency_code: "USD"'),
    ("QuoteEquipment", f'equipment_model: "equipmentModels/diggers" machines {{{MACHINE}}}'),
    (
        "BacktestAppraisers",
        f'sales {{asset: "assets/machine-1" price {{currency_code: "USD" units: 5}} date {DAY}}}',
    ),
    ("EstimateHaircut", f"horizon_days: 10 prices {{date {DAY} price {ONE}}}"),
    ("BacktestHaircut", f"horizon_days: 10 prices {{date {DAY} price {ONE}}}"),
]
"""Requests in which further fields are set."""

IDS = {
    "asset": "lot-1",
    "debtor": "core-1",
    "loan": "loan-1",
    "pledge": "p-1",
    "pickup": "u-1",
    "override": "o-1",
    "reserve": "r-1",
    "certificate": "c-1",
    "proposal": "1",
    "policy": "default-2021",
    "series": "copper",
    "source": "acme",
    "valuation": "1-usd",
    "verification": "v-1",
    "warehouse": "W-9",
}
"""Ids in the book by the variables of the patterns; 1 for those that are absent here."""


def own_fields(descriptor: Descriptor) -> Iterator[tuple[FieldDescriptor, Descriptor | None]]:
    """Yields the fields of a message, with the message of the contract that a field contains."""
    for field in descriptor.fields:
        below = field.message_type
        entry = below is not None and below.GetOptions().map_entry
        yield field, below if below is not None and not entry and below.full_name.startswith(PACKAGE) else None


def behaviors(field: FieldDescriptor) -> set[int]:
    return set(field.GetOptions().Extensions[field_behavior])


@cache
def all_messages() -> list[Descriptor]:
    files = {method.containing_service.file for method in METHODS.values()}
    todo = [message for file in files for message in file.message_types_by_name.values()]
    shared = [below for message in todo for _, below in own_fields(message) if below]
    return list({message.full_name: message for message in (*todo, *shared)}.values())


@cache
def patterns() -> dict[str, str]:
    """Returns the pattern of the names of each resource type."""
    found = {}
    for message in all_messages():
        declared = message.GetOptions().Extensions[resource]
        if declared.type:
            (found[declared.type],) = declared.pattern
    return found


def pattern_of(field: FieldDescriptor) -> str:
    """Returns the pattern of the names in a field; empty if it contains no name."""
    reference = field.GetOptions().Extensions[resource_reference]
    if reference.child_type:
        return patterns()[reference.child_type].rsplit("/", 2)[0]
    declared = field.containing_type.GetOptions().Extensions[resource]
    own = declared.type if field.name == "name" else ""
    named = reference.type or own
    return patterns()[named] if named else ""


def name_by(pattern: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda variable: IDS.get(variable[1], "1"), pattern)


def requests(book: Book, method: MethodDescriptor) -> list[Any]:
    """Returns requests of a method with every required field, one for each set of messages in them."""
    texts = [text for name, text in (*EXAMPLES.items(), *FURTHER) if name == method.name]
    found = [book.request(method.name, text) for text in texts]
    if not found:
        request = GetMessageClass(method.input_type)()
        for field in method.input_type.fields:
            if REQUIRED in behaviors(field):
                name = name_by(pattern_of(field))
                getattr(request, field.name).append(name) if field.is_repeated else setattr(request, field.name, name)
        found = [request]
    for request in found:
        if "validate_only" in request.DESCRIPTOR.fields_by_name:
            request.validate_only = True
    return list({tuple(path for path, _ in places(request)): request for request in found}.values())


def places(message: Any, prefix: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Yields the path of every field that a caller may set in a request and in the messages that are set in it."""
    for field, below in own_fields(message.DESCRIPTOR):
        path = f"{prefix}{field.name}"
        yield path, field
        masked = "update_mask" in message.DESCRIPTOR.fields_by_name  # only the fields in the mask are read
        if below is None or masked or OUTPUT_ONLY in behaviors(field):
            continue
        if field.is_repeated:
            for part in getattr(message, field.name)[:1]:
                yield from places(part, f"{path}.")
        elif message.HasField(field.name):
            yield from places(getattr(message, field.name), f"{path}.")


def copied(request: Any, path: str) -> tuple[Any, Any, str]:
    """Returns a copy of a request, the message in it that contains the field at a path, and the name of the field.

    Of repeated messages it is the first one.
    """
    copy = type(request)()
    copy.CopyFrom(request)
    holder, (*above, last) = copy, path.split(".")
    for name in above:
        field = holder.DESCRIPTOR.fields_by_name[name]
        holder = getattr(holder, name)[0] if field.is_repeated else getattr(holder, name)
    return copy, holder, last
