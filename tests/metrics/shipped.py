"""What is shipped for Prometheus and Grafana under `deploy/`."""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from tests.infrastructure.processes import PROJECT

RULES = PROJECT / "deploy" / "prometheus" / "alerts.yml"
CONFIGURATION = PROJECT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARDS = sorted((PROJECT / "deploy" / "grafana").glob("*.json"))
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Alert:
    name: str
    query: str
    lasting: float
    """Seconds for which it must hold."""
    runbook: str
    severity: str


@dataclass(frozen=True)
class Query:
    """One query of a panel, as Grafana would send it."""

    dashboard: str
    panel: str
    query: str


def alerts() -> list[Alert]:
    [group] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [
        Alert(
            one["alert"],
            one["expr"],
            int(one["for"][:-1]) * _SECONDS[one["for"][-1]],
            one["annotations"]["runbook"],
            one["labels"]["severity"],
        )
        for one in group["rules"]
    ]


def queries() -> list[Query]:
    found = []
    for file in DASHBOARDS:
        dashboard: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$account", "main").replace("$__rate_interval", "5m")
                found.append(Query(file.stem, panel["title"], query))
    return found


def metrics_of(query: str) -> set[str]:
    """Names of the metrics that a query asks for."""
    return set(re.findall(r"\b(?:resellflow|temporal|process)_\w+|\bup\b", re.sub(r'"[^"]*"', "", query)))
