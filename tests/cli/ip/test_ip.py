"""IP commands against a real server."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.ip_assets import register
from tests.support.server import Client, Server


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ip", *arguments])
    return result.exit_code, result.output


def test_an_ip_asset_is_valued_its_events_recorded_and_its_fees_listed(
    server: Server, client: Client, tmp_path
) -> None:
    register(client, "patent-cli")
    at = ("--server", server.address)
    (tmp_path / "question.json").write_text('{"doubt": {"revenue_log_sd": {"value": "0.2"}}}', encoding="utf-8")
    code, output = run("value", "patent-cli", "--question", str(tmp_path / "question.json"), *at)
    assert code == 0, output
    assert json.loads(output)["value"]["units"] == "1469680"
    years = [{"currency_code": "CNY", "units": "500000"}] * 9
    charges = [{"currency_code": "CNY", "units": "100000"}] * 9
    earnings: dict[str, object] = {"earnings_after_tax": years, "contributory_charges": charges}
    brackets = {"earnings": earnings}
    (tmp_path / "brackets.json").write_text(json.dumps({"brackets": brackets}), encoding="utf-8")
    code, output = run("value", "patent-cli", "--question", str(tmp_path / "brackets.json"), *at)
    assert code == 0, output
    by_hand = sum(400_000 / 1.15 ** (year + 0.5) for year in range(5))
    assert abs(int(json.loads(output)["brackets"]["excess_earnings"]["units"]) - by_hand) <= 1
    earnings["terminal_growth"] = {"value": "0.15"}
    (tmp_path / "brackets.json").write_text(json.dumps({"brackets": brackets}), encoding="utf-8")
    code, output = run("value", "patent-cli", "--question", str(tmp_path / "brackets.json"), *at)
    assert (code, "terminal_growth" in output) == (4, True), output
    code, output = run("fees", "--days", "120", *at)
    assert (code, "patent-cli" in output) == (0, True)
    code, output = run("event", "patent-cli", "lapsed", "--date", "2021-12-31", *at)
    assert (code, output.startswith("assets/patent-cli/rightEvents/")) == (0, True)
    code, output = run("event", "patent-cli", "sold", "--date", "2021-12-31", *at)
    assert (code, "want one of" in output) == (2, True)
