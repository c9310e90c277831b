"""The commands for histories print the days of the contract."""

from collateral_registry.cli.reports.history import spark_line


def test_a_line_of_blocks_runs_from_the_lowest_to_the_highest_ratio():
    assert spark_line(["0.5", "", "0.6", "0.55"]) == "▁ █▅ 50.00% to 55.00%, lowest 50.00%, highest 60.00%"


def test_equal_ratios_are_a_flat_line_and_none_are_no_line():
    assert spark_line(["0.5", "0.5"]).startswith("▁▁ ")
    assert not spark_line(["", ""])
