"""What may stand in the chart's values. This needs no Helm."""

import json

import yaml

from program_version import VERSION
from settings import Settings
from tests.chart.rendering import CHART, EXAMPLE
from tests.infrastructure.processes import PROJECT

SET_BY_THE_CHART = {
    "database_url",
    "storefront_tokens",
    "operator_tokens",
    "payload_key_file",
    "webhook_key_file",
    "build_id",
    "deployment",
    "api_host",
    "api_port",
    "worker_health_address",
    "metrics_api_address",
    "metrics_temporal_address",
    "notifications_file",
    "oidc_client_secret",
    "temporal_ui_url",
}
OF_OTHER_PROGRAMS = {"codec_host", "codec_port", "codec_token"}


def test_every_setting_that_the_chart_does_not_set_may_be_set() -> None:
    """A new setting goes into `settings` of values.schema.json."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    allowed = set(schema["properties"]["settings"]["properties"])
    free = set(Settings.model_fields) - SET_BY_THE_CHART - OF_OTHER_PROGRAMS
    assert allowed == {f"RESELL_{name.upper()}" for name in free}


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def differing(value: object, about: dict[str, object], where: str) -> list[str]:
        if isinstance(reference := about.get("$ref"), str):
            about = schema["definitions"][reference.rpartition("/")[2]]
        known = about.get("properties")
        if not isinstance(value, dict) or not isinstance(known, dict) or where == ".settings":
            return []
        odd = [f"{where}.{name}" for name in value.keys() ^ known.keys() - {"global"}]
        return odd + [
            one
            for name in value.keys() & known.keys()
            for one in differing(value[name], known[name], f"{where}.{name}")
        ]

    peers = {".limits", ".requests"}
    assert [one for one in differing(values, schema, "") if not any(one.endswith(part) for part in peers)] == []


def test_the_example_has_only_values_that_exist() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    example = yaml.safe_load(EXAMPLE.read_text())
    assert example.keys() <= values.keys()


def test_scripts_and_alerts_of_the_chart_are_those_of_the_other_deployments() -> None:
    """Links, so that there is one of each. Helm packages what they lead to."""
    files = {file.name: file for file in (CHART / "files").iterdir()}
    assert set(files) == {"namespace.sh", "alerts.yml"}
    assert all(file.is_symlink() for file in files.values())
    assert files["namespace.sh"].resolve() == PROJECT / "deploy/temporal/namespace.sh"
    assert files["alerts.yml"].resolve() == PROJECT / "deploy/prometheus/alerts.yml"


def test_the_chart_installs_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == VERSION
