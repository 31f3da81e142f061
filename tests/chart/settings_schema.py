"""What the chart's schema says of each setting, made from `settings/`: `make settings-page` writes it anew.

A value of the chart becomes the text of a variable, so a number may stand there as a number or as a text.
"""

import json
from typing import Any

from settings import Settings
from tests.chart.rendering import CHART

SCHEMA = CHART / "values.schema.json"
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
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_WHOLE_NUMBER = r"^ *[+]?[0-9]+([.]0*)? *$"
_NUMBER = r"^ *[+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *$"
_YES_OR_NO = "(?i)^(true|false|yes|no|on|off|t|f|y|n|1|0)$"


def with_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema, with each setting that the chart leaves free."""
    settings = schema["properties"]["settings"] | {"properties": _settings()}
    return schema | {"properties": schema["properties"] | {"settings": settings}}


def _settings() -> dict[str, Any]:
    whole = Settings.model_json_schema()
    return {
        f"RESELL_{name.upper()}": _value(field, whole["$defs"])
        for name, field in whole["properties"].items()
        if name not in SET_BY_THE_CHART | OF_OTHER_PROGRAMS
    }


def _value(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if named := field.get("$ref"):
        words = "|".join(definitions[named.rpartition("/")[2]]["enum"])
        return {"type": "string", "pattern": f"(?i)^({words})$"}
    limits = {name: field[name] for name in _LIMITS if name in field}
    match field.get("type"):
        case "integer":
            return {"type": ["integer", "string"], **limits, "pattern": _WHOLE_NUMBER}
        case "number":
            return {"type": ["number", "string"], **limits, "pattern": _NUMBER}
        case "boolean":
            return {"type": ["boolean", "string"], "pattern": _YES_OR_NO}
    return {"type": ["string", "number"]}


def write() -> None:
    schema = with_settings(json.loads(SCHEMA.read_text(encoding="utf-8")))
    SCHEMA.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
