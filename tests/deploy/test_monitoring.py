"""Alert rules and dashboard: they parse, use metrics that exist, and every alert has instructions."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/monitoring/alerts.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text())["panels"]
EXPRESSIONS = {
    **{alert["alert"]: alert["expr"] for alert in ALERTS},
    **{f"{panel['title']} {one['refId']}": one["expr"] for panel in PANELS for one in panel.get("targets", ())},
}
DOCUMENTED = set(re.findall(r"`((?:grpc_server|collateral|process)_\w+)`", (ROOT / "docs/metrics.md").read_text()))
PROMTOOL = shutil.which("promtool") or ""
PARTS_OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_expression_reads_documented_metrics(expression):
    read = {name for name in re.findall(r"[a-z_]+", expression) if name.startswith(("grpc_server", "collateral_"))}
    read |= set(re.findall(r"process_[a-z_]+", expression))

    plain = {re.sub("|".join(f"{part}$" for part in PARTS_OF_A_HISTOGRAM), "", name) for name in read}
    assert plain <= DOCUMENTED
    assert plain or "up{" in expression


def test_every_alert_has_a_section_with_what_to_do_and_the_sections_have_alerts():
    sections = set(re.findall(r"^### (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE))

    assert {alert["alert"] for alert in ALERTS} == sections
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"page", "ticket"}


def test_panels_do_not_overlap_and_have_numbers_of_their_own():
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed; names and sections are tested")
def test_prometheus_accepts_the_rules():
    checked = subprocess.run([PROMTOOL, "check", "rules", RULES], check=False, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr
