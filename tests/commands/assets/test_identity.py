"""An asset that is or was pledged keeps its identity and owner, except by a correction that reserves the old number."""

import shutil
from dataclasses import replace
from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from collateral_registry.commands.assets import register as assets
from collateral_registry.commands.assets.corrections import correct_identity
from collateral_registry.commands.loans.pledges import ReleaseRequest, release_pledge
from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable
from collateral_registry.domain.assets.kinds import Asset, IntellectualProperty, Status
from collateral_registry.domain.findings.kinds import FindingKind
from collateral_registry.domain.findings.references import identities_of
from collateral_registry.domain.shared.errors import AlreadyExists, Refused
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.database import Database
from tests.support.books import CLOCK, do
from tests.support.small_book import findings, lend_on, lot, machine, opened, pledge, register
from valuation.errors import InvalidInput
from valuation.ip.life import RightKind

REASON = "the plate was misread"


def right(asset_id, number, owner="Acme", kind=RightKind.PATENT, office="CN"):
    detail = IntellectualProperty(kind, office, number, filing=date(2015, 3, 2))
    return Asset(asset_id, owner, "ip.patent", "USD", detail)


def invoice(asset_id, number="INV-1", debtor="Globex", owner="Acme"):
    return Asset(asset_id, owner, "receivable", "USD", Receivable(debtor, number))


def order(asset_id, number="PO-1", buyer="Globex", owner="Acme"):
    return Asset(asset_id, owner, "order", "USD", PurchaseOrder(buyer, number))


EXAMPLES: dict[Kind, tuple[Asset, dict[str, object]]] = {
    Kind.INVENTORY: (
        lot("a-1", receipt_number="R-1"),
        {"warehouse": "Elsewhere", "lot": "L-9", "receipt_number": "R-9", "good": "copper"},
    ),
    Kind.EQUIPMENT: (machine("a-1", "SN-4711"), {"make": "Delta", "serial_number": "SN-9999"}),
    Kind.INTELLECTUAL_PROPERTY: (
        right("a-1", "ZL201510111111.4"),
        {"right_kind": RightKind.DESIGN, "office": "US", "number": "ZL201510333333.0"},
    ),
    Kind.RECEIVABLE: (invoice("a-1"), {"debtor": "Initech", "invoice_number": "INV-9"}),
    Kind.PURCHASE_ORDER: (order("a-1"), {"buyer": "Initech", "order_number": "PO-9"}),
}
CHANGES = [(kind, name) for kind, (_, values) in EXAMPLES.items() for name in values]


@pytest.fixture
def book(tmp_path):
    database = opened(f"sqlite:///{tmp_path}/book.db")
    lend_on(database, "bank-0")
    yield database
    database.close()


def update(book, asset_id="a-1", owner=None, **detail):
    """Changes the owner or fields of the detail."""

    def changed(asset):
        return replace(asset, owner=owner or asset.owner, detail=replace(asset.detail, **detail))

    return do(book, lambda write: assets.change(write, asset_id, "", changed))


def correct(book, asset_id="a-1", owner=None, **detail):
    """Corrects the owner or fields of the identity."""

    def changed(asset):
        return replace(asset, owner=owner or asset.owner, detail=replace(asset.detail, **detail))

    return do(book, lambda write: correct_identity(write, asset_id, "", changed, REASON), "Lender")


def reason_of(work):
    """Returns the reason of the refusal of a call, or nothing."""
    try:
        work()
    except Refused as refused:
        return refused.reason
    except AlreadyExists:
        return "EXISTS"
    except InvalidInput:
        return "INVALID"
    return ""


@pytest.mark.parametrize(("kind", "name"), CHANGES, ids=[f"{kind.name.lower()} {name}" for kind, name in CHANGES])
def test_an_identifying_field_changes_until_the_asset_is_pledged(book, kind, name):
    asset, values = EXAMPLES[kind]
    register(book, asset)
    update(book, **{name: values[name]})
    update(book, **{name: getattr(asset.detail, name)})
    pledge(book, "bank-0", "a-1")

    assert reason_of(lambda: update(book, **{name: values[name]})) == "IDENTITY_PLEDGED"
    do(book, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest()))
    assert reason_of(lambda: update(book, **{name: values[name]})) == "IDENTITY_PLEDGED", "it was pledged"


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.name.lower())
def test_the_owner_changes_until_the_asset_is_pledged(book, kind):
    register(book, EXAMPLES[kind][0])
    update(book, owner="Beta")
    pledge(book, "bank-0", "a-1")

    assert reason_of(lambda: update(book, owner="Gamma")) == "IDENTITY_PLEDGED"


def test_another_spelling_a_first_receipt_and_a_bin_are_no_other_identity(book):
    register(book, lot("a-1"))
    register(book, machine("a-2", "SN-4711"))
    register(book, right("a-3", "ZL201510111111.4"))
    for number, asset_id in enumerate(("a-1", "a-2", "a-3")):
        pledge(book, "bank-0", asset_id, f"p-{number}")

    update(book, receipt_number="R-1", bin="B-7", warehouse="QINGDAO DAGANG")
    update(book, "a-2", serial_number="sn 4711")
    update(book, "a-3", number="CN2015101111114", office="CNIPA")
    assert reason_of(lambda: update(book, receipt_number="")) == "IDENTITY_PLEDGED", "a removed number would be free"


def test_a_correction_keeps_the_old_number_reserved_until_the_asset_is_retired(book):
    register(book, machine("a-1", "SN-4711"))
    pledge(book, "bank-0", "a-1")
    correct(book, serial_number="SN-9999")

    assert reason_of(lambda: register(book, machine("b-1", "sn/4711", owner="Beta"))) == "DOUBLE_PLEDGE"
    assert reason_of(lambda: register(book, machine("b-1", "SN-9999", owner="Beta"))) == "EXISTS"
    (found,) = findings(book)
    assert found.finding.kind == FindingKind.IDENTITY_CORRECTED
    assert found.finding.evidence["equipment.serial_number_before"] == "SN-4711"
    assert (found.finding.evidence["reason"], found.finding.evidence["actor"]) == (REASON, "Lender")

    do(book, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest()))
    do(book, lambda write: assets.retire(write, "a-1", ""))
    register(book, machine("b-1", "SN-4711", owner="Beta"))


def test_a_reserved_lot_is_reserved_whatever_its_quantity(book):
    register(book, lot("a-1", "100"))
    pledge(book, "bank-0", "a-1")
    correct(book, lot="L-9")

    assert reason_of(lambda: register(book, lot("b-1", "40", lot="a 1"))) == "DOUBLE_PLEDGE"


def test_a_correction_may_return_to_a_number_that_the_asset_had(book):
    register(book, machine("a-1", "SN-4711"))
    pledge(book, "bank-0", "a-1")
    correct(book, serial_number="SN-9999")
    correct(book, serial_number="SN-4711")

    assert reason_of(lambda: register(book, machine("b-1", "SN-9999"))) == "DOUBLE_PLEDGE"


def test_a_correction_changes_the_identity_and_nothing_else(book):
    register(book, machine("a-1", "SN-4711"))
    with pytest.raises(InvalidInput, match="update_mask"):
        correct(book, serial_number="sn-4711")
    corrected = correct(book, owner="Beta", location="Hall 2").asset
    assert (corrected.owner, corrected.detail.location) == ("Beta", "")


def test_numbers_in_scientific_notation_and_wrong_check_digits_are_refused(book):
    for asset, field in (
        (lot("a-1", lot="2.01511E+11"), "inventory.lot"),
        (machine("a-1", "2.01511E+11"), "equipment.serial_number"),
        (right("a-1", "2.01511E+11"), "intellectual_property.number"),
        (right("a-1", "ZL201510111111.5"), "intellectual_property.number"),
        (invoice("a-1", "2.01511E+11"), "receivable.invoice_number"),
        (order("a-1", "2.01511E+11"), "purchase_order.order_number"),
    ):
        with pytest.raises(InvalidInput, match=field):
            register(book, asset)
    register(book, machine("a-1", "1"))
    with pytest.raises(InvalidInput, match=r"equipment\.serial_number"):
        update(book, serial_number="2.01511E+11")
    with pytest.raises(InvalidInput, match=r"pledge\.registration_number"):
        pledge(book, "bank-0", "a-1", registration_number="2.01511E+11")


def test_an_update_cannot_state_a_wrong_check_digit_of_the_same_right(book):
    register(book, right("a-1", "ZL201510111111.4"))
    with pytest.raises(InvalidInput, match="want check digit 4"):
        update(book, number="201510111111.5")
    assert update(book, number="CN201510111111.4").asset.detail.number == "CN201510111111.4"


def test_spellings_of_one_right_are_registered_once(book):
    register(book, right("a-1", "ZL201510111111.4"))

    assert reason_of(lambda: register(book, right("a-2", "201510111111", office="CNIPA"))) == "DOUBLE_PLEDGE"
    model = right("a-2", "ZL201510111111.4", kind=RightKind.UTILITY_MODEL)
    assert reason_of(lambda: register(book, model)) == "DOUBLE_PLEDGE"


NUMBERS = ("SN-1", "sn 01", "SN-2")
CALLS = ("register", "register", "pledge", "pledge", "update", "update", "correct", "release", "retire")


class Machines:
    """Machines in a book, with every number under which each was pledged or that a correction replaced."""

    def __init__(self, database):
        self.database = database
        self.names: list[str] = []
        self.pledges: list[tuple[str, str]] = []
        self.numbers: dict[str, set[str]] = {}

    def call(self, kind, place, number):
        """Makes one call on the machine at a place of the list, which may be refused."""
        if kind == "register" or not self.names:
            name = f"m-{len(self.names)}"
            if not reason_of(lambda: register(self.database, machine(name, number))):
                self.names.append(name)
            return
        name = self.names[place % len(self.names)]
        before = self.number_of(name)
        if not reason_of(lambda: self._change(kind, name, number)) and kind in {"pledge", "correct"}:
            self.numbers.setdefault(name, set()).update(before)

    def _change(self, kind, name, number):
        if kind == "pledge":
            pledge_id = f"p-{len(self.pledges)}"
            pledge(self.database, "bank-0", name, pledge_id)
            self.pledges.append((name, pledge_id))
        elif kind == "release":
            for pledge_id in [one for owner, one in self.pledges if owner == name]:
                reason_of(lambda one=pledge_id: self._release(one))
        elif kind == "retire":
            do(self.database, lambda write: assets.retire(write, name, ""))
        else:
            {"update": update, "correct": correct}[kind](self.database, name, serial_number=number)

    def _release(self, pledge_id):
        do(self.database, lambda write: release_pledge(write, "bank-0", pledge_id, "", ReleaseRequest()))

    def number_of(self, name):
        """Returns the comparable number of a machine; nothing if it is retired."""
        with self.database.read() as connection:
            asset = get_asset(connection, name).asset
        return set() if asset.status == Status.RETIRED else {one.writing.skeleton for one in identities_of(asset)}

    def check(self):
        """Fails if a machine in use has a number under which another one in use was pledged."""
        current = {name: self.number_of(name) for name in self.names}
        for name, numbers in self.numbers.items():
            others = [current[other] for other in self.names if other != name]
            assert not current[name] or not any(numbers & other for other in others), (name, numbers, current)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, 2), st.sampled_from(NUMBERS)), min_size=8, max_size=12)
)
@example([("register", 0, "SN-1"), ("pledge", 0, "SN-1"), ("update", 0, "SN-2"), ("register", 0, "sn 01")])
@example([("register", 0, "SN-1"), ("pledge", 0, "SN-1"), ("correct", 0, "SN-2"), ("register", 0, "sn 01")])
def test_no_sequence_of_calls_registers_a_pledged_identity_twice(empty_book, calls):
    copy = empty_book.with_name(f"{next(COPIES)}.db")
    shutil.copy(empty_book, copy)
    machines = Machines(Database(f"sqlite:///{copy}", lambda: CLOCK))
    for call in calls:
        machines.call(*call)
        machines.check()
    machines.database.close()


COPIES = count()


@pytest.fixture(scope="module")
def empty_book(tmp_path_factory):
    """A database file with a loan, to be copied."""
    path = tmp_path_factory.mktemp("identities") / "book.db"
    database = opened(f"sqlite:///{path}")
    lend_on(database, "bank-0")
    database.close()
    return path
