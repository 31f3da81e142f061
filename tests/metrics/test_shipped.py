"""Rules, configuration and dashboards of `deploy/` are valid, and speak of metrics and pages that there are."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import METRICS, Page, table
from tests.docs.test_metrics import documented
from tests.infrastructure.processes import PROJECT
from tests.metrics.shipped import CONFIGURATION, DASHBOARDS, RULES, Alert, alerts, metrics_of, queries

OTHERS = ("up", "process_", "temporal_")


def known() -> set[str]:
    """As Prometheus has their names."""
    told = documented("What a process counts") | documented("Figures of the installation")
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {f"{name}{end}" for name, (kind, _) in told.items() for end in ends[kind]}


@pytest.mark.parametrize("command", [("rules", RULES), ("config", CONFIGURATION)], ids=["rules", "config"])
def test_promtool_takes_it(command: tuple[str, Path]) -> None:
    if not shutil.which("promtool"):
        pytest.skip("NO PROMTOOL, deploy/prometheus is not checked: install prometheus")
    what, file = command
    done = subprocess.run(["promtool", "check", what, file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.proof
def test_the_alerts_of_backups_fire_when_they_should() -> None:
    if not shutil.which("promtool"):
        pytest.skip("NO PROMTOOL, deploy/prometheus is not checked: install prometheus")
    command = ["promtool", "test", "rules", str(Path(__file__).with_name("alerts_of_backups.yml"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_leads_to_a_section_that_says_what_to_do(alert: Alert) -> None:
    file, _, anchor = alert.runbook.partition("#")
    assert anchor in Page(PROJECT / file).anchors
    assert alert.severity in ("warning", "critical")


def test_every_query_asks_for_metrics_that_there_are() -> None:
    there = known()
    asked = {(one.dashboard, one.panel): one.query for one in queries()} | {
        ("alert", one.name): one.query for one in alerts()
    }
    for where, query in asked.items():
        names = metrics_of(query)
        assert names, f"{where}: {query}"
        assert {name for name in names if name not in there and not name.startswith(OTHERS)} == set(), where


def test_every_dashboard_and_alert_is_in_the_documentation() -> None:
    told = {cell.strip("`") for row in table(METRICS.section("Dashboards and alerts")) for cell in row}
    assert {file.name for file in DASHBOARDS} <= told
    assert {alert.name for alert in alerts()} <= told
