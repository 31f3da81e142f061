"""What may stand in the chart's values. This needs no Helm."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from program_version import VERSION
from settings import Settings
from tests.chart.rendering import CHART, EXAMPLE
from tests.chart.settings_schema import OF_OTHER_PROGRAMS, SCHEMA, SET_BY_THE_CHART, with_settings
from tests.infrastructure.processes import PROJECT


def test_the_schema_has_every_setting_that_the_chart_leaves_free_with_its_type_and_limits() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema == with_settings(schema), "make settings-page writes it"
    allowed = set(schema["properties"]["settings"]["properties"])
    free = set(Settings.model_fields) - SET_BY_THE_CHART - OF_OTHER_PROGRAMS
    assert allowed == {f"RESELL_{name.upper()}" for name in free}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("READ_TIMEOUT", [5, 2.5, "5", "0.5", "1e1"], ["abc", "", "5 s", 0, -1, True, [5]]),
        ("DATABASE_POOL", [5, "5"], ["many", 2.5, "2.5", 0, 1001, None]),
        ("API_DOCS", [True, False, "true", "No", "0"], ["maybe", "", 2]),
        ("LOG_LEVEL", ["debug", "INFO"], ["loud", "", 1, True]),
        ("HOSTNAME_SUFFIX", ["example.com", ""], [True, ["example.com"]]),
        ("EXPIRY_NOTICE_DAYS", ["[30, 7]"], [[30, 7]]),
    ],
)
def test_the_schema_takes_what_the_setting_takes(name: str, right: list[Any], wrong: list[Any]) -> None:
    settings = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["settings"]["properties"]
    judge = jsonschema.Draft7Validator(settings[f"RESELL_{name}"])
    assert [value for value in right if not judge.is_valid(value)] == []
    assert [value for value in wrong if judge.is_valid(value)] == []


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
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
