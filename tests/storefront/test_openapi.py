"""The OpenAPI document says what the API does."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from client_generator.files import PACKAGE, generated
from models.enums import MessageType
from orders.lifecycle.intake import ServiceRequest
from orders.operations.registry import OPERATIONS
from orders.operations.requests import Route
from orders.webhooks.deliveries import OutgoingMessage
from orders.webhooks.signing import body
from storefront import examples
from storefront.problems import KINDS
from storefront.schemas.services import OrderAccepted
from storefront.schemas.tasks import HandOver, TaskDone, TaskNote, TaskRejected
from tests.storefront.api import Api

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def document(idle_api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await idle_api.stranger.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_operation_has_a_summary_and_a_name_of_its_own(document: dict[str, Any]) -> None:
    found = operations(document)

    assert all(operation["summary"] for _, operation in found)
    assert len({operation["operationId"] for _, operation in found}) == len(found)


async def test_what_lies_under_v1_needs_a_bearer_token_and_says_what_can_go_wrong(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, operation in operations(document):
        protected = "/v1/" in name and not name.endswith("/hints")  # signed instead
        assert (operation.get("security") == [{"bearer": []}]) is protected, name
        if protected:
            assert {"401", "503"} <= set(operation["responses"]), name


async def test_errors_are_described_as_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], f"{name} {status}"
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_an_order_is_described_with_key_bodies_and_answers(document: dict[str, Any]) -> None:
    order = document["paths"]["/v1/services"]["post"]

    (key,) = [parameter for parameter in order["parameters"] if parameter["name"] == "Idempotency-Key"]
    assert key["required"] is True
    assert {"200", "201", "400", "401", "422", "503"} <= set(order["responses"])
    example = order["responses"]["201"]["content"]["application/json"]["example"]
    assert example["operation"]["workflow_id"] == "service-1042-open-7"
    assert "Location" in order["responses"]["201"]["headers"]


async def test_the_stream_is_described_as_events(document: dict[str, Any]) -> None:
    follow = document["paths"]["/v1/operations/{number}/stream"]["get"]

    assert "text/event-stream" in follow["responses"]["200"]["content"]


@pytest.mark.proof
async def test_the_document_is_one_of_openapi_3_1(document: dict[str, Any]) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # here: see `messages`

    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


async def test_a_body_that_is_too_large_is_described_wherever_there_is_one(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert ("413" in operation["responses"]) is ("requestBody" in operation), name


async def test_generators_of_clients_can_work_with_it(document: dict[str, Any]) -> None:
    """What openapi-python-client could not: two shapes of one title; a body that is left out, but may be null."""
    schemas = document["components"]["schemas"]
    titles = [schema["title"] for schema in schemas.values()]
    assert len(set(titles)) == len(titles)
    suspension = document["paths"]["/v1/services/{number}/suspend"]["post"]["requestBody"]
    assert not suspension.get("required", False)
    assert suspension["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Suspension"}


async def test_every_message_of_the_webhooks_is_described_as_it_is_sent(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == set(MessageType)
    data: dict[str, object] = {"service": 7, "operation": 12, "task": 12, "department": "support", "due_at": None}
    outgoing = OutgoingMessage(
        1, 1, "shop", False, "https://shop.test", None, None, "5f0c", "resellflow.task.overdue.v1", 7, NOON, data, 0
    )
    for subject in (7, None):
        event = json.loads(body(replace(outgoing, service=subject), "urn:resellflow:k3x9p"))
        assert messages(document, "resellflow.task.overdue.v1").is_valid(event)
        assert not messages(document, "resellflow.service.opened.v1").is_valid(event)
        assert not messages(document, "resellflow.task.overdue.v1").is_valid(event | {"data": {"service": 7}})


def messages(document: dict[str, Any], kind: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # here, for it takes two seconds, and each process collects all tests

    content = document["webhooks"][kind]["post"]["requestBody"]["content"]
    return Draft202012Validator({**document, **content["application/cloudevents+json"]["schema"]})


OFFERED = [(one, one.route) for one in OPERATIONS.values() if one.route is not None]


def _bodies(route: Route) -> dict[str, Any]:
    return {name: {"value": body} for name, (_, body) in route.bodies.items()}


REQUESTS: list[tuple[dict[str, Any], type[BaseModel]]] = [
    (examples.ORDERS, ServiceRequest),
    *((_bodies(route), one.request_model) for one, route in OFFERED),
    (examples.HAND_OVERS, HandOver),
    (examples.TASK_NOTES, TaskNote),
    (examples.TASKS_DONE, TaskDone),
    (examples.TASKS_REJECTED, TaskRejected),
]
ACCEPTED = [examples.ORDER_ACCEPTED, *(examples.accepted(route, one.kind) for one, route in OFFERED)]


def test_the_examples_are_what_the_schemas_say() -> None:
    for named, schema in REQUESTS:
        for example in named.values():
            schema.model_validate(example["value"])
    for accepted in ACCEPTED:
        assert OrderAccepted.model_validate(accepted).model_dump(mode="json") == accepted


def test_problem_types_are_unique() -> None:
    assert len({kind.uri for kind in KINDS}) == len(KINDS)


def test_the_python_client_is_made_from_the_present_document() -> None:
    differing = [name for name, text in generated().items() if (PACKAGE / name).read_text(encoding="utf-8") != text]
    again = "make client, or: PYTHONPATH=clients/python python -m client_generator"
    assert differing == [], f"the API has changed: write these again ({again}), and commit them"
