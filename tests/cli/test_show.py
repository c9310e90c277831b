"""The steps of a valuation as the command prints them."""

from google.type.decimal_pb2 import Decimal
from rich.console import Console

from collateral_registry.cli.loans.show import valuation_steps
from collateral_registry.v1 import common_pb2, valuation_pb2
from tests.support.server import money


def printed(**fields):
    valuation = valuation_pb2.Valuation(
        market_value=money("1450000"),
        lendable_value=money("800000"),
        haircut=Decimal(value="0.3"),
        haircut_floor=Decimal(value="0"),
        cap=Decimal(value="0.8"),
        **fields,
    )
    console = Console(width=100, record=True)
    console.print(valuation_steps(valuation))
    return console.export_text()


def test_an_adjusted_value_is_a_step_below_the_market_value():
    text = printed(
        price_adjustment=Decimal(value="0.8"),
        adjusted_value=money("1160000"),
        quality_flags=[common_pb2.QUALITY_FLAG_PRICE_ADJUSTED],
    )

    assert text.index("1,450,000") < text.index("80.00 %") < text.index("1,160,000") < text.index("800,000")


def test_a_value_without_adjustment_has_no_such_step():
    text = printed(price_adjustment=Decimal(value="1"), adjusted_value=money("1450000"))

    assert "adjust" not in text
