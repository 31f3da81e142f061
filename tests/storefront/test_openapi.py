"""The OpenAPI document says what the API does."""

from typing import Any

import pytest
from pydantic import BaseModel

from orders.intake import ServiceRequest
from orders.requests import ServiceChange
from storefront import examples
from storefront.problems import KINDS
from storefront.schemas import (
    HandOver,
    OrderAccepted,
    PlanChange,
    Prolongation,
    Suspension,
    TaskDone,
    TaskNote,
    TaskRejected,
)
from tests.storefront.api import Api


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


REQUESTS: list[tuple[dict[str, Any], type[BaseModel]]] = [
    (examples.ORDERS, ServiceRequest),
    (examples.PROLONGATIONS, Prolongation),
    (examples.SUSPENSIONS, Suspension),
    (examples.CHANGES, ServiceChange),
    (examples.PLAN_CHANGES, PlanChange),
    (examples.HAND_OVERS, HandOver),
    (examples.TASK_NOTES, TaskNote),
    (examples.TASKS_DONE, TaskDone),
    (examples.TASKS_REJECTED, TaskRejected),
]
ACCEPTED = [
    examples.ORDER_ACCEPTED,
    examples.PROLONGATION_ACCEPTED,
    examples.SUSPENSION_ACCEPTED,
    examples.RESUMPTION_ACCEPTED,
    examples.CLOSING_ACCEPTED,
    examples.CHANGE_ACCEPTED,
    examples.PLAN_CHANGE_ACCEPTED,
]


def test_the_examples_are_what_the_schemas_say() -> None:
    for named, schema in REQUESTS:
        for example in named.values():
            schema.model_validate(example["value"])
    for accepted in ACCEPTED:
        assert OrderAccepted.model_validate(accepted).model_dump(mode="json") == accepted


def test_problem_types_are_unique() -> None:
    assert len({kind.uri for kind in KINDS}) == len(KINDS)
