"""Documents that earlier versions stored."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.store.engine.json_documents import from_document, to_document


@dataclass(frozen=True)
class Part:
    """A value within another, which its check needs positive."""

    quantity: Decimal

    def __post_init__(self) -> None:
        assert self.quantity > 0


@dataclass(frozen=True)
class Whole:
    """A stored value."""

    owner: str
    part: Part
    numbers: dict[str, Decimal]


LEAST = Decimal("1e-40")


def test_decimals_with_too_many_digits_are_rounded_away_from_zero_when_they_are_read():
    stored = Whole(
        "1E-999999999", Part(Decimal("1E-999999999")), {"a": Decimal("-1.5E-40"), "b": Decimal("0E-99999999")}
    )
    read = from_document(Whole, to_document(stored))

    assert read == Whole("1E-999999999", Part(LEAST), {"a": -2 * LEAST, "b": Decimal(0)})
    assert f"{read.numbers['b']:f}" == "0." + 40 * "0"


def test_characters_that_no_text_may_have_today_are_replaced_when_they_are_read():
    document = to_document(Inventory(good="copper", quantity=Decimal(1), unit="t", warehouse="W", lot="L-x", grade="A"))
    read = from_document(
        Inventory, document.replace("L-x", "L\u200b1\x7f\u3164").replace('"W"', '"\u0645\u200c\u062e\u00a0b"')
    )

    assert (read.lot, read.warehouse) == ("L\ufffd1\ufffd\ufffd", "\u0645\u200c\u062e\u00a0b")


@pytest.mark.parametrize("text", ["0.1", "1E-40", "1E+3", "12345678901234567890.12345678901234567890"])
def test_other_decimals_keep_their_digits(text):
    stored = Whole("E-", Part(Decimal(text)), {})
    assert from_document(Whole, to_document(stored)).part.quantity.as_tuple() == Decimal(text).as_tuple()
