"""What the chart makes for KEDA and for the Prometheus operator has the shape that these ask for in their own files."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.rendering import EVERYTHING, MISSING, SKIPPED, TOOLS, Manifest, rendered

CRDS = TOOLS.parent / "crds"
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=SKIPPED),
    pytest.mark.skipif(not CRDS.is_dir(), reason="THE KINDS OF KEDA AND PROMETHEUS ARE NOT CHECKED; make chart-tools"),
]


def schemas() -> Iterator[tuple[tuple[str, str], Manifest]]:
    """By kind and version of the API."""
    for file in CRDS.glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            _forbid_what_is_not_named(schema)
            schema["properties"]["metadata"] = {"type": "object"}
            yield (spec["names"]["kind"], f"{spec['group']}/{version['name']}"), schema


def _forbid_what_is_not_named(schema: Any) -> None:
    """As an API server does with `fieldValidation=Strict`."""
    if isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _forbid_what_is_not_named(part)
    elif isinstance(schema, list):
        for part in schema:
            _forbid_what_is_not_named(part)


def complaints(manifest: Manifest, schema: Manifest) -> list[str]:
    import jsonschema  # which takes seconds

    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(manifest)]


def test_they_have_the_shape_that_is_asked_for() -> None:
    known = dict(schemas())
    kinds = set()
    for manifest in rendered("--values", EVERYTHING).manifests:
        kind = (manifest["kind"], manifest["apiVersion"])
        if kind in known:
            kinds.add(kind)
            assert complaints(manifest, known[kind]) == [], manifest["metadata"]["name"]
            broken = copy.deepcopy(manifest)
            broken["spec"]["nonsense"] = True
            assert complaints(broken, known[kind]), "a wrong one is found"
    assert kinds == set(known)
