"""A request of each method of the contract that has an effect, and the book in which it has one."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import MetaData, create_engine, select

import collateral_registry.v1
from collateral_registry.v1 import equipment_pb2, equipment_pb2_grpc, loan_pb2
from tests.support.equipment_sales import MAPPING, rows, write_sales
from tests.support.postgres import wait_until
from tests.support.server import Client, Server
from valuation.equipment.models.hedonic import SALES_LEAST

DAY = "{year: 2021 month: 12 day: 31}"
NEXT_DAY = "{year: 2022 month: 1 day: 3}"
PAPERS = f"insurance_expire_date {{year: 2035 month: 1 day: 1}} last_inspection_date {DAY}"
COPPER = 'good: "copper" unit: "t"'
ACTOR = 'actor: "Ana" note: "seen"'
NOTICE = 'registry: "notice" registration_number: "7"}'
BREACH = 'name: "loans/loan-3/breaches/1"'
"""A breach that is proposed to be waived. Those of loan-5, loan-6 and loan-7 are disputed, acknowledged and new."""

DISPOSAL = 'name: "loans/loan-1/disposals/d-1"'
MOVED = "effective_time {seconds: 1640000000}"
COUNTED = "count_time {seconds: 1640000001} method: COUNT_METHOD_PHYSICAL_COUNT"


def breach(loan_id: str) -> str:
    return f'name: "loans/{loan_id}/breaches/1"'


def lot(number: str, extra: str = "") -> str:
    inventory = f'inventory {{{COPPER} quantity {{value: "100"}} warehouse: "W-1" lot: "{number}" {extra}}}'
    return f'owner: "Acme" asset_class: "inventory.base_metal" currency_code: "USD" {PAPERS} {inventory}'


def disposal(loan_id: str) -> str:
    stated = f'default_date {DAY} cause: DISPOSAL_CAUSE_PAYMENT discount_rate {{value: "0.08"}}'
    expected = f'expected {{amount {{currency_code: "USD" units: 9}} date {NEXT_DAY}}}'
    return f'parent: "loans/{loan_id}" disposal_id: "d-1" disposal {{{stated} {expected}}} {ACTOR}'


def movement(number: str, kind: str, quantity: int) -> str:
    place = f'warehouse: "W-9" lot: "N-1" {COPPER} {MOVED}'
    return f'movements {{movement_id: "{number}" kind: MOVEMENT_KIND_{kind} quantity {{value: "{quantity}"}} {place}}}'


def invoice(entry: str, number: str, units: int) -> str:
    about = f'pool: "assets/pool-1" debtor: "debtors/core-1" invoice_number: "{number}" {MOVED}'
    money = f'amount {{currency_code: "USD" units: {units}}}'
    return f'entries {{entry_id: "{entry}" kind: INVOICE_ENTRY_KIND_INVOICE {money} {about}}}'


def count(warehouse: str, number: str, quantity: int) -> str:
    lines = f'lines {{lot: "{number}" {COPPER} quantity {{value: "{quantity}"}}}}'
    return f'warehouse: "warehouses/{warehouse}" count {{{COUNTED} {lines}}}'


def balance(loan: str, owed: int) -> str:
    return f'balances {{loan: "loans/{loan}" principal {{currency_code: "USD" units: {owed}}} balance_date {DAY}}}'


def loan(loan_id: str) -> str:
    owed = 'currency_code: "USD"'
    return f'loan_id: "{loan_id}" loan {{borrower: "Acme" {owed} balance_date {DAY} principal {{{owed}}}}}'


def price(value: str, day: str = DAY) -> str:
    return f'observations {{price_series: "priceSeries/copper" date {day} price {{value: "{value}"}}}}'


def rate(value: str) -> str:
    return f'rates {{base_currency_code: "EUR" quote_currency_code: "USD" date {DAY} rate {{value: "{value}"}}}}'


EVENT = f'name: "assets/claim-1/assignments/a-1" actor: "Ana" event {{date {DAY}'
SCOPE = 'scopes {debtor: "core-1" invoice_numbers: "7"}'
SEARCH = (
    f'parent: "assets/claim-1" actor: "Ana" registry_search {{date {DAY} registry: "zdw" '
    f'assignments {{assignee: "Other" {SCOPE}}}}}'
)
TERMS = f'parent: "assets/claim-1" actor: "Ana" contract_terms {{assignment_barred: true {SCOPE}}}'
EXCLUSION = f'parent: "assets/claim-1" actor: "Ana" exclusion {{reason: "in doubt" expire_date {NEXT_DAY} {SCOPE}}}'
LIMIT = (
    'parent: "assets/claim-1" actor: "Ana" debtor_limit {debtor: "bo" kind: DEBTOR_LIMIT_KIND_INSURED insurer: "AXA" '
    f'policy_number: "7" reason: "policy of 2022" expire_date {NEXT_DAY} amount {{currency_code: "USD" units: 9}}}}'
)


def loan_with_base(loan_id: str) -> str:
    one = '{currency_code: "USD" units: 1}'
    terms = f"""block {one} contingent_weight {{value: "0.5"}} draw_buffer {{value: "0.1"}}
        sublimits {{asset_class: "ip" amount {one} share {{value: "0.5"}}}}
        permitted_over_advance {{amount {one} first_date {DAY} last_date {DAY} approver: "Eva"}}"""
    return loan(loan_id).removesuffix("}") + f" contingent {one} borrowing_base_terms {{{terms}}}}}"


def reserve(reserve_id: str) -> str:
    amount = 'amount {currency_code: "USD" units: 5}'
    fields = f'kind: RESERVE_KIND_RENT owner: "Ana" reason: "rent" {amount} first_date {DAY}'
    return f'parent: "loans/loan-4" reserve_id: "{reserve_id}" reserve {{{fields}}}'


def certificate(certificate_id: str) -> str:
    days = f"period_end_date {DAY} due_date {DAY}"
    return f'parent: "loans/loan-4" certificate_id: "{certificate_id}" certificate {{{days}}}'


def statement(certificate_id: str) -> str:
    one, half = '{currency_code: "USD" units: 1}', '{value: "0.5"}'
    limits = f"amount_limit {one} share_limit {half}"
    stated = f'asset_class: "ip" gross {one} exclusions {{rule: "MANUAL" amount {one}}} rate {half} {limits}'
    name = f'name: "loans/loan-4/certificates/{certificate_id}"'
    return f'{name} actor: "Bo" statement {{classes {{{stated}}} reserves {one}}}'


PLAN = 'parent: "assets/pool-1" verification_id: "v-1" actor: "Ana" verification {seed: 7}'
ANSWER = 'answers {debtor: "core-1" invoice_number: "A-1" outcome: VERIFICATION_OUTCOME_DENIED}'
CLOSING = (
    f'parent: "assets/pool-1" actor: "Ana" closing {{date {DAY} closing_amount {{currency_code: "USD" units: 950}}}}'
)
OVERRIDE = 'override {reason: "agreed" release_pledge {name: "loans/loan-1/pledges/p-1" share {value: "0.9"}}}'
WAIVER_TERMS = f"reason: WAIVER_REASON_BRIDGE_FINANCING expire_date {NEXT_DAY}"
WAIVER = f'proposal {{reason: "a bridge loan" waive_breach {{{BREACH} note: "agreed" {WAIVER_TERMS}}}}} actor: "Ana"'
VIEW = 'saved_view {display_name: "near a call" path: "/loans?fall=10" shared: true}'
OPENING = [
    ("CreatePriceSeries", f'price_series_id: "copper" price_series {{{COPPER} currency_code: "USD" max_age_days: 10}}'),
    ("IngestPrices", price("10000")),
    *(("CreateAsset", f'asset_id: "lot-{n}" asset {{{lot(f"L-{n}")}}}') for n in range(1, 6)),
    *(
        ("CreateAsset", f'asset_id: "paper-{n}" asset {{{lot(f"R-{n}", f"""receipt_number: "WR-441{n}" """)}}}')
        for n in range(2)
    ),
    (
        "CreateAsset",
        f'asset_id: "machine-1" asset {{owner: "Acme" asset_class: "equipment.commodity_machine" currency_code: "USD" '
        f'{PAPERS} equipment {{make: "Okura" model: "QT" serial_number: "7" equipment_class: "metalworking_machines" '
        f'price_new {{currency_code: "USD" units: 90000}} build_date {{year: 2018 month: 3 day: 1}}}}}}',
    ),
    (
        "CreateAsset",
        'asset_id: "patent-1" asset {owner: "Acme" asset_class: "ip.patent" currency_code: "USD" '
        'intellectual_property {kind: RIGHT_KIND_PATENT office: "EP" number: "EP1" '
        "filing_date {year: 2015 month: 1 day: 1} legal_status: LEGAL_STATUS_IN_FORCE "
        'next_year_revenue {currency_code: "USD" units: 1000000} '
        'royalty_rate {value: "0.05"} tax_rate {value: "0.25"} discount_rate {value: "0.15"}}}',
    ),
    *(("CreateLoan", loan(f"loan-{n}")) for n in (1, 2, 3, 5, 6, 7)),
    ("CreateLoan", loan_with_base("loan-4")),
    ("CreateReserve", reserve("r-1")),
    *(("CreateCertificate", certificate(f"c-{n}")) for n in range(1, 4)),
    *(("SubmitCertificate", statement(f"c-{n}")) for n in range(1, 3)),
    (
        "PledgeAsset",
        'parent: "loans/loan-1" pledge_id: "p-1" pledge {asset: "assets/lot-1" share {value: "0.9"} ' + NOTICE,
    ),
    ("PledgeAsset", 'parent: "loans/loan-1" pledge_id: "p-2" pledge {asset: "assets/lot-4" ' + NOTICE),
    ("UpdateBalances", f"{balance('loan-1', 500000)} {balance('loan-3', 1000)}"),
    ("UpdateBalances", " ".join(balance(f"loan-{n}", 1000) for n in (5, 6, 7))),
    ("DisputeBreach", f"{breach('loan-5')} {ACTOR}"),
    ("OpenDisposal", disposal("loan-1")),
    ("OpenDisposal", disposal("loan-7")),
    ("AcknowledgeBreach", f"{breach('loan-6')} {ACTOR}"),
    ("RequestPickup", 'parent: "loans/loan-1" pickup_id: "u-1" asset: "assets/lot-4" quantity {value: "1"}'),
    ("ProposeOverride", f'parent: "loans/loan-1" override_id: "o-1" actor: "Ana" {OVERRIDE}'),
    ("ProposeOverride", f'parent: "loans/loan-1" override_id: "o-2" actor: "Ana" {OVERRIDE}'),
    *(("CreateProposal", WAIVER) for _ in range(2)),
    ("SaveView", VIEW),
    (
        "CreateAsset",
        'asset_id: "claim-1" asset {owner: "Acme" asset_class: "receivable" currency_code: "USD" '
        'receivable {debtor: "core-1" invoice_number: "7" face_amount {currency_code: "USD" units: 5}}}',
    ),
    (
        "RecordAssignmentEvent",
        f'{EVENT} kind: ASSIGNMENT_EVENT_KIND_REGISTERED registry: "zdw" registration_number: "1"}}',
    ),
    ("RecordRegistrySearch", SEARCH),
    ("RecordContractTerms", TERMS),
    *(("ExcludeInvoices", EXCLUSION) for _ in range(2)),
    *(("RecordDebtorLimit", LIMIT) for _ in range(2)),
    ("CreateDebtor", 'debtor_id: "core-1" debtor {display_name: "Core"}'),
    ("CreateDebtor", 'debtor_id: "core-2" debtor {display_name: "Core Ltd" parent: "debtors/core-1"}'),
    ("CreateDebtor", 'debtor_id: "core-3" debtor {display_name: "Core AG"}'),
    ("MergeDebtors", f'name: "debtors/core-3" into: "debtors/core-1" {ACTOR}'),
    ("CheckDoublePledge", ""),
    (
        "RecordMovements",
        f'stock_feed: "stockFeeds/acme" {movement("in-1", "RECEIPT", 9)} {movement("out-1", "ISSUE", 20)}',
    ),
    (
        "RecordInvoiceEntries",
        f'invoice_feed: "invoiceFeeds/erp" {invoice("i-1", "A-1", 900)} {invoice("i-2", "A-1", 800)}',
    ),
    (
        "CreateAsset",
        'asset_id: "pool-1" asset {owner: "Acme" asset_class: "receivable" currency_code: "USD" receivable_pool {}}',
    ),
    ("PlanVerification", PLAN),
    ("RecordClosing", CLOSING),
    ("RecordInspection", f'actor: "Ana" {count("W-9", "N-1", 5)}'),
]
"""Requests that open the book in which every writing method has something to do."""

EXAMPLES = {
    "CreatePriceSeries": 'price_series_id: "zinc" price_series {good: "zinc" unit: "t" currency_code: "USD"}',
    "IngestPrices": price("9990"),
    "IngestFxRates": rate("1.08"),
    "CreateAsset": f'asset_id: "new" asset {{{lot("L-9")}}}',
    "BatchCreateAssets": " ".join(f'requests {{asset_id: "new-{n}" asset {{{lot(f"L-9{n}")}}}}}' for n in range(2)),
    "UpdateAsset": 'asset {name: "assets/lot-2" display_name: "B"} update_mask {paths: "display_name"}',
    "CorrectAssetIdentity": (
        'asset {name: "assets/lot-2" owner: "Beta"} update_mask {paths: "owner"} reason: "misread" actor: "Lender"'
    ),
    "RetireAsset": 'name: "assets/lot-3"',
    "RecordRightEvent": f'parent: "assets/patent-1" right_event {{kind: RIGHT_EVENT_KIND_LAPSED date {DAY}}}',
    "RecordAppraisal": f'parent: "assets/machine-1" appraisal {{appraiser: "Bo" date {DAY} basis: APPRAISAL_BASIS_FMV '
    'amount {currency_code: "USD" units: 50000}}',
    "ActivateEquipmentModel": 'name: "equipmentModels/diggers" asset_class: "equipment.diggers"',
    "CreateLoan": loan("loan-9"),
    "UpdateLoan": 'loan {name: "loans/loan-1" borrower: "Z"} update_mask {paths: "borrower"}',
    "UpdateBalances": balance("loan-1", 400000),
    "CreateDebtor": (
        'debtor_id: "core-9" debtor {display_name: "Nine" aliases: "9 AG" parent: "debtors/core-1" country_code: "DE" '
        'identifiers {scheme: IDENTIFIER_SCHEME_LEI value: "5493001KJTIIGC8Y1R12"} kind: DEBTOR_KIND_FIRM '
        f'default_probability {{ratio {{value: "0.01"}} source: "agency" date {DAY}}} '
        f'line {{amount {{currency_code: "USD" units: 9}} expire_date {DAY}}} usual_terms_days: 60}}'
    ),
    "UpdateDebtor": 'debtor {name: "debtors/core-1" display_name: "One"} update_mask {paths: "display_name"}',
    "MergeDebtors": f'name: "debtors/core-2" into: "debtors/core-1" {ACTOR}',
    "UndoDebtorMerge": f'name: "debtors/core-3" {ACTOR}',
    "RecordAssignmentEvent": f"{EVENT} kind: ASSIGNMENT_EVENT_KIND_NOTICE_DELIVERED {SCOPE}}}",
    "RecordRegistrySearch": SEARCH,
    "RecordContractTerms": TERMS,
    "ExcludeInvoices": EXCLUSION,
    "RecordDebtorLimit": LIMIT,
    "EndDebtorLimit": f'name: "assets/claim-1/debtorLimits/1" {ACTOR}',
    "PlanVerification": PLAN.replace("v-1", "v-9"),
    "RecordVerification": f'name: "assets/pool-1/verifications/v-1" actor: "Ana" {ANSWER}',
    "RecordClosing": CLOSING,
    "CheckLedger": 'name: "assets/pool-1" actor: "Ana"',
    "EndExclusion": f'name: "assets/claim-1/exclusions/1" {ACTOR}',
    "PledgeAsset": 'parent: "loans/loan-1" pledge_id: "p-9" pledge {asset: "assets/lot-5" ' + NOTICE,
    "UpdatePledge": 'pledge {name: "loans/loan-1/pledges/p-1" share {value: "1"}} update_mask {paths: "share"}',
    "ReleasePledge": 'name: "loans/loan-1/pledges/p-1" share {value: "0.1"}',
    "CloseLoan": 'name: "loans/loan-2"',
    "CreateReserve": reserve("r-9"),
    "EndReserve": 'name: "loans/loan-4/reserves/r-1" actor: "Ana" reason: "moved out"',
    "CreateCertificate": certificate("c-9"),
    "SubmitCertificate": statement("c-3"),
    "ReturnCertificate": (
        'name: "loans/loan-4/certificates/c-2" actor: "Ana" reason: "see lines" '
        'failing_lines {asset_class: "ip" line: "rate" note: "too high"}'
    ),
    "ApproveCertificate": (
        'name: "loans/loan-4/certificates/c-1" actor: "Ana" reason: "agreed" approved_base {currency_code: "USD"}'
    ),
    "AcknowledgeBreach": f"{BREACH} {ACTOR}",
    "GrantGrace": f"{BREACH} {ACTOR} deadline_date {{year: 2022 month: 3 day: 1}}",
    "NoteBreach": f"{BREACH} {ACTOR}",
    "DisputeBreach": f"{BREACH} {ACTOR}",
    "SettleDispute": f"{breach('loan-5')} {ACTOR} outcome: DISPUTE_OUTCOME_REJECTED",
    "RecordCure": f'{BREACH} {ACTOR} status: CURE_STATUS_PROMISED cash {{currency_code: "USD" units: 5}}',
    "EscalateBreach": f"{breach('loan-6')} {ACTOR}",
    "OpenDisposal": disposal("loan-6"),
    "RecordClaim": (f'{DISPOSAL} {ACTOR} addressee: "court" amount {{currency_code: "USD" units: 7}} date {DAY}'),
    "RecordProceeds": (
        f'{DISPOSAL} {ACTOR} proceeds {{asset: "assets/lot-1" method: REALISATION_METHOD_AUCTION '
        f'amount {{currency_code: "USD" units: 5}} date {DAY} cost {{currency_code: "USD" units: 1}}}}'
    ),
    "CloseDisposal": f'name: "loans/loan-7/disposals/d-1" {ACTOR}',
    "WaiveBreach": f"{breach('loan-7')} {ACTOR} {WAIVER_TERMS}",
    "ProposeOverride": f'parent: "loans/loan-1" override_id: "o-9" actor: "Ana" {OVERRIDE}',
    "RejectOverride": 'name: "loans/loan-1/overrides/o-2" actor: "Bo"',
    "ApproveOverride": 'name: "loans/loan-1/overrides/o-1" actor: "Bo"',
    "SaveView": VIEW.replace("near", "far"),
    "DeleteSavedView": 'name: "savedViews/1"',
    "CreateProposal": WAIVER,
    "RejectProposal": 'name: "proposals/2" actor: "Bo"',
    "ApproveProposal": 'name: "proposals/1" actor: "Bo"',
    "RequestPickup": 'parent: "loans/loan-1" pickup_id: "u-9" asset: "assets/lot-4" quantity {value: "1"}',
    "CancelPickup": 'name: "loans/loan-1/pickups/u-1"',
    "CheckDoublePledge": "",
    "ConfirmDoublePledge": f'name: "findings/1" {ACTOR}',
    "ResolveFinding": f'name: "findings/2" {ACTOR}',
    "RecordMovements": f'stock_feed: "stockFeeds/acme" {movement("in-9", "RECEIPT", 3)}',
    "ResolveRejectedMovement": f'name: "stockFeeds/acme/rejectedMovements/1" state: REJECTION_STATE_DISMISSED {ACTOR}',
    "RecordInvoiceEntries": f'invoice_feed: "invoiceFeeds/erp" {invoice("i-9", "A-9", 70)}',
    "ResolveRejectedEntry": f'name: "invoiceFeeds/erp/rejectedEntries/1" state: REJECTION_STATE_DISMISSED {ACTOR}',
    "UpdateStockFeed": 'stock_feed {name: "stockFeeds/acme" unit_spellings {key: "bag" value: "piece"}} '
    'update_mask {paths: "unit_spellings"}',
    "ReportCount": f'stock_feed: "stockFeeds/acme" {count("W-9", "N-1", 4)}',
    "RecordInspection": f'actor: "Ana" {count("W-9", "N-1", 3)}',
    "Revalue": 'names: "assets/lot-1"',
    "StartRevaluation": "",
    "CreatePolicy": "",
    "ActivatePolicy": 'name: "policies/second"',
    "AdvanceBusinessDate": f"date {NEXT_DAY}",
}
"""A request of each method that has an effect in that book, in an order in which all of them succeed."""

BESIDES = {
    "Revalue of the book": ("Revalue", ""),
    "ResolveRejectedMovement as corrected": (
        "ResolveRejectedMovement",
        f'name: "stockFeeds/acme/rejectedMovements/1" state: REJECTION_STATE_BOOKED {ACTOR} '
        + movement("out-1", "ISSUE", 1).replace("movements", "movement"),
    ),
    "ResolveRejectedEntry as corrected": (
        "ResolveRejectedEntry",
        f'name: "invoiceFeeds/erp/rejectedEntries/1" state: REJECTION_STATE_BOOKED {ACTOR} '
        + invoice("i-2", "A-2", 800).replace("entries", "entry"),
    ),
    "CreateProposal of a policy": (
        "CreateProposal",
        'proposal {reason: "new levels" activate_policy {name: "policies/second"}} actor: "Ana"',
    ),
    "CreateProposal of a model": (
        "CreateProposal",
        'proposal {reason: "a better fit" activate_equipment_model '
        '{name: "equipmentModels/diggers" asset_class: "equipment.diggers"}} actor: "Ana"',
    ),
    "CreateProposal of a confirmation": (
        "CreateProposal",
        'proposal {reason: "one warrant" confirm_double_pledge {name: "findings/1" note: "proven"}} actor: "Ana"',
    ),
    "IngestPrices with a price that is quarantined": ("IngestPrices", price("99000")),
    "UpdateAsset that changes a value": (
        "UpdateAsset",
        'asset {name: "assets/lot-1" inventory {quantity {value: "50"}}} update_mask {paths: "inventory.quantity"}',
    ),
}
"""Further requests to validate."""


def methods() -> dict[str, MethodDescriptor]:
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return {method.name: method for service in services for method in service.methods}


METHODS = methods()


class Book:
    """A server with something to do for every writing method."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server, self.client = server, client
        self.engine = create_engine(server.url)
        self.tables = MetaData()
        self.tables.reflect(self.engine)

    def request(self, name: str, text: str) -> Any:
        request = text_format.Parse(text, GetMessageClass(METHODS[name].input_type)())
        if name == "CreatePolicy":
            request.MergeFrom(self.policy(request, "third"))
        return request

    def policy(self, request: Message, policy_id: str) -> Message:
        default = self.call("GetPolicy", text_format.Parse('name: "policies/default-2021"', self.empty("GetPolicy")))
        return type(request)(policy=default, policy_id=policy_id)

    def empty(self, name: str) -> Message:
        return GetMessageClass(METHODS[name].input_type)()

    def call(self, name: str, request: Message) -> Any:
        method = METHODS[name]
        invoke = self.client.channel.unary_unary(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return invoke(request)

    def open(self, folder) -> None:
        for name, text in OPENING:
            self.call(name, self.request(name, text))
        self.call("CreatePolicy", self.policy(self.empty("CreatePolicy"), "second"))
        fit(self.client, folder)
        self.quiet()

    def dump(self) -> dict[str, list[str]]:
        """Returns every row of every table; bytes as their hash, for they are many."""
        with self.engine.connect() as connection:
            return {
                name: sorted(
                    repr([hash(one) if isinstance(one, bytes) else one for one in row])
                    for row in connection.execute(select(table))
                )
                for name, table in self.tables.tables.items()
            }

    def covers(self) -> dict[str, loan_pb2.LoanCover]:
        """Returns the newest cover of every loan by its name."""
        return {loan.name: loan.cover for loan in self.call("ListLoans", self.empty("ListLoans")).loans}

    def quiet(self) -> None:
        """Waits until pending stock and entries are applied and no revaluation is under way."""
        wait_until(lambda: not self.has_pending_changes() and self.is_revalued())

    def has_pending_changes(self) -> bool:
        queues = [self.tables.tables[name] for name in ("stock_change", "pool_change")]
        with self.engine.connect() as connection:
            return any(connection.execute(select(queue).limit(1)).first() is not None for queue in queues)

    def is_revalued(self) -> bool:
        runs = self.call("ListRevaluations", self.empty("ListRevaluations")).revaluations
        return all(run.HasField("finish_time") for run in runs)


def fit(client: Client, folder) -> None:
    equipment = equipment_pb2_grpc.EquipmentServiceStub(client.channel)
    content = write_sales(folder / "sales.csv", rows(SALES_LEAST + 100)).read_bytes()
    chunk = equipment_pb2.FitEquipmentModelRequest(model_id="diggers", columns=MAPPING, chunk=content)
    started = equipment.FitEquipmentModel(iter([chunk]))
    watched = equipment.WatchEquipmentFit(equipment_pb2.WatchEquipmentFitRequest(name=started.name), timeout=120)
    assert list(watched)[-1].equipment_fit.state == equipment_pb2.EQUIPMENT_FIT_STATE_DONE


def without_time(answer: Message) -> Message:
    """Returns an answer without times of recording and, as a run has one more commit, its sequence."""
    for field, value in answer.ListFields():
        if field.name.endswith("_time") or (field.name == "sequence" and isinstance(value, int)):
            answer.ClearField(field.name)
        elif isinstance(value, Message):
            without_time(value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for inner in value:
                without_time(inner)
    return answer
