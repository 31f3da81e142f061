"""Operators decide about an order that waits for a person; its workflow runs, the upstream is a stand-in."""

from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.records import RecordActivities
from models.enums import FailureClass, IntentState, Stage
from models.messages import Funds, FundsResult, OrderRef, StepResult, Submission, SubmitResult
from models.order import Intent, Operation, Service
from models.queues import upstream_queue
from orders.lifecycle.stages import enter, locked_operation
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import Api, assert_problem, running_api
from workflows.service_order import ServiceOrder

BECAUSE = {"reason": "the customer called"}


class Refusing:
    """An upstream side that has money and refuses every request."""

    @activity.defn
    async def carry_out(self, ref: OrderRef) -> StepResult:
        refused = SubmitResult(outcome=Submission.ATTENTION, reason="no such template", failure=FailureClass.REJECTED)
        return StepResult(funds=FundsResult(outcome=Funds.GRANTED), request=refused)


@pytest.fixture
async def stuck_api(api: Api, temporal_client: Client) -> AsyncIterator[Api]:
    """Operation 1 needs attention."""
    records, refusing = RecordActivities(api.database), Refusing()
    orders = Worker(
        temporal_client,
        task_queue=api.settings.task_queue,
        workflows=[ServiceOrder],
        activities=[records.report_stage, records.record_decision, records.complete_operation],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    upstream = Worker(
        temporal_client,
        task_queue=upstream_queue(api.settings.task_queue),
        activities=[refusing.carry_out],
    )
    async with orders, upstream:
        await api.started_order()
        await until_stuck(api)
        yield api


async def until_stuck(api: Api) -> None:
    async def stuck() -> bool:
        return bool((await api.shop.get("/v1/operations/1")).json()["stage"] == "needs_attention")

    await assert_eventually(stuck, timeout=30, message="the order needs attention")


async def audit(api: Api) -> list[dict[str, object]]:
    answer = await api.operator.get("/v1/operations/1/audit")
    assert answer.status_code == 200
    return [entry for entry in answer.json()["items"] if entry["actor"] == "olga"]


async def test_cancelling_ends_the_operation_and_is_audited(stuck_api: Api) -> None:
    answer = await stuck_api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    assert answer.status_code == 200, answer.text
    assert answer.json()["operation"] == 1
    operation = (await stuck_api.shop.get("/v1/operations/1")).json()
    assert operation["stage"] == "cancelled"
    assert operation["ended_at"] is not None
    assert (await stuck_api.shop.get("/v1/services/1")).json()["status"] == "closed"
    (entry,) = await audit(stuck_api)
    assert entry["action"] == "cancel"
    assert entry["subject_number"] == 1


async def test_marking_done_links_the_item_and_sends_nothing(stuck_api: Api) -> None:
    answer = await stuck_api.operator.post(
        "/v1/operations/1/mark-done", json={"reason": "bought by hand", "upstream_number": "4711"}
    )

    assert answer.status_code == 200, answer.text
    service = (await stuck_api.shop.get("/v1/services/1")).json()
    assert service["upstream"] == {"name": "main", "number": "4711"}
    assert service["status"] == "active"
    assert (await stuck_api.shop.get("/v1/operations/1")).json()["stage"] == "completed"


async def test_correcting_changes_the_parameters_and_tries_again(stuck_api: Api) -> None:
    correction = {"reason": "misread", "parameters": {"template": "debian-12", "domain": "v1.example.com"}}

    answer = await stuck_api.operator.post("/v1/operations/1/correct", json=correction)

    assert answer.status_code == 200, answer.text
    service = (await stuck_api.shop.get("/v1/services/1")).json()
    assert service["parameters"] == {"template": "debian-12"}
    assert service["name"] == "v1.example.com"


async def test_a_correction_that_is_not_right_names_the_parameter(stuck_api: Api) -> None:
    correction = {"reason": "misread", "parameters": {"template": "beos"}}

    answer = await stuck_api.operator.post("/v1/operations/1/correct", json=correction)

    assert_problem(answer, 422, "invalid-field", "parameters.template")
    assert await audit(stuck_api) == []


async def test_retrying_is_written_down(stuck_api: Api) -> None:
    answer = await stuck_api.operator.post("/v1/operations/1/retry", json=BECAUSE)

    assert answer.status_code == 200, answer.text
    (entry,) = await audit(stuck_api)
    assert entry["action"] == "retry"


async def test_what_has_ended_can_not_be_decided_upon(stuck_api: Api) -> None:
    await stuck_api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    for decision in ("retry", "cancel"):
        detail = assert_problem(
            await stuck_api.operator.post(f"/v1/operations/1/{decision}", json=BECAUSE), 409, "refused"
        )
        assert "cancelled" in detail


async def move_to(api: Api, stage: Stage) -> None:
    async with api.database.write() as session:
        await enter(session, await locked_operation(session, 1), stage)


async def test_a_queued_operation_is_cancelled_without_a_workflow(sqlite_api: Api) -> None:
    await sqlite_api.order()
    await move_to(sqlite_api, Stage.QUEUED)

    answer = await sqlite_api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    assert answer.json()["stage"] == "cancelled"


async def test_one_of_two_that_wait_is_cancelled_and_the_turn_stays_with_the_one_that_has_it(api: Api) -> None:
    await api.order()
    for what in ("prolong", "suspend"):
        body = {"period_months": 1} if what == "prolong" else {}
        await api.operator.post(f"/v1/services/1/{what}", json=body, headers={"Idempotency-Key": what})
    async with api.database.write() as session:  # as while a person has the task of operation 1
        service = await session.get_one(Service, 1)
        service.home_module_id = service.module_id
        session.add(service)

    answer = await api.operator.post("/v1/operations/2/cancel", json=BECAUSE)

    assert answer.json()["stage"] == "cancelled"
    stages = [(await api.operator.get(f"/v1/operations/{number}")).json()["stage"] for number in (1, 3)]
    assert stages == ["accepted", "queued"]
    shown = (await api.operator.get("/v1/services/1")).json()
    assert shown["home_processing_module"] is not None


async def test_without_temporal_what_has_not_begun_is_cancelled_all_the_same(
    sqlite_api: Api, unreachable_temporal: Client
) -> None:
    async with running_api(sqlite_api.database, unreachable_temporal, sqlite_api.settings) as api:
        await api.order()
        answer = await api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    assert answer.json()["stage"] == "cancelled"


async def test_without_temporal_what_has_begun_is_cancelled_too(sqlite_api: Api, unreachable_temporal: Client) -> None:
    async with running_api(sqlite_api.database, unreachable_temporal, sqlite_api.settings) as api:
        await api.order()
        await move_to(api, Stage.WAITING_FOR_FUNDS)
        answer = await api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    assert answer.json()["stage"] == "cancelled"


async def test_without_temporal_a_decision_is_put_off(sqlite_api: Api, unreachable_temporal: Client) -> None:
    async with running_api(sqlite_api.database, unreachable_temporal, sqlite_api.settings) as api:
        await api.order()
        await move_to(api, Stage.NEEDS_ATTENTION)
        answer = await api.operator.post("/v1/operations/1/retry", json=BECAUSE)

        assert_problem(answer, 503, "temporal-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert await audit(api) == []


async def sent(api: Api, state: IntentState, failure: FailureClass | None = None) -> None:
    """Operation 1 has made a request."""
    async with api.database.write() as session:
        session.add(Intent(operation_id=1, account_id=1, attempt=1, mark="m", state=state, failure_class=failure))


async def test_a_shop_cancels_what_it_asked_for_without_a_reason(api: Api) -> None:
    await api.order()
    await move_to(api, Stage.WAITING_FOR_FUNDS)
    document = (await api.shop.get("/v1/operations/1")).json()
    assert [one["decision"] for one in document["allowed_decisions"]] == ["cancel"]

    answer = await api.shop.post("/v1/operations/1/cancel")

    assert answer.status_code == 200, answer.text
    assert answer.json()["stage"] == "cancelled"
    document = (await api.shop.get("/v1/operations/1")).json()
    assert (document["called_off_by"], document["allowed_decisions"]) == ("shop", [])
    assert (await api.shop.get("/v1/services/1")).json()["status"] == "closed"
    audit = (await api.operator.get("/v1/operations/1/audit")).json()["items"]
    assert ("shop", "cancel") in [(entry["actor"], entry["action"]) for entry in audit]


async def test_a_shop_may_not_decide_about_what_it_did_not_ask_for(sqlite_api: Api) -> None:
    await sqlite_api.order()
    async with sqlite_api.database.write() as session:
        (await session.get_one(Operation, 1)).actor = "other"
    assert (await sqlite_api.shop.get("/v1/operations/1")).json()["allowed_decisions"] == []

    detail = assert_problem(await sqlite_api.shop.post("/v1/operations/1/cancel"), 403, "forbidden")

    assert "by other or by an operator" in detail


async def test_a_shop_is_told_what_follows_where_it_does_not_end_at_once(sqlite_api: Api) -> None:
    await sqlite_api.order()
    await sent(sqlite_api, IntentState.REFUSED, FailureClass.FUNDS)
    await move_to(sqlite_api, Stage.WAITING_FOR_FUNDS)

    answer = await sqlite_api.shop.post("/v1/operations/1/cancel", json={"reason": "changed her mind"})

    assert (answer.status_code, answer.json()["stage"]) == (200, "outcome_unknown")
    assert "removed first, then it ends as cancelled" in answer.json()["message"]
    document = (await sqlite_api.shop.get("/v1/operations/1")).json()
    assert document["called_off_at"] is not None
    assert "nothing of it is sent" in document["next_step"]
    assert document["stages"][-1]["next_step"] == document["next_step"]
    again = await sqlite_api.shop.post("/v1/operations/1/cancel")
    assert "already called off" in assert_problem(again, 409, "refused")


async def test_what_may_be_under_way_or_is_bought_is_not_cancelled(sqlite_api: Api) -> None:
    await sqlite_api.order()
    await sent(sqlite_api, IntentState.PREPARED)
    await move_to(sqlite_api, Stage.SUBMITTING)
    under_way, accepted = (
        (IntentState.PREPARED, ["may be under way"] * 2),
        (IntentState.ACCEPTED, ["close the service", "wait for what comes of it"]),
    )
    for state, told in (under_way, accepted):
        async with sqlite_api.database.write() as session:
            (await session.get_one(Intent, 1)).state = state
        for caller, words in zip((sqlite_api.shop, sqlite_api.operator), told, strict=True):
            document = (await caller.get("/v1/operations/1")).json()
            assert (document["allowed_decisions"], document["person_may"]) == ([], "nothing to do")
            answer = await caller.post("/v1/operations/1/cancel", json=BECAUSE)
            assert words in assert_problem(answer, 409, "refused")


async def test_a_shop_can_not_vouch_for_what_it_can_not_see(sqlite_api: Api) -> None:
    await sqlite_api.order()
    answer = await sqlite_api.shop.post("/v1/operations/1/cancel", json={"nothing_was_bought": True})
    assert "needs the role senior or admin" in assert_problem(answer, 403, "forbidden")


async def test_no_operation_no_decision(idle_api: Api) -> None:
    answer = await idle_api.operator.post("/v1/operations/1/cancel", json=BECAUSE)

    assert_problem(answer, 404, "not-found")
    assert_problem(await idle_api.shop.post("/v1/operations/1/cancel"), 404, "not-found")


@pytest.mark.parametrize(
    ("decision", "body", "field"),
    [
        ("cancel", {}, "reason"),
        ("cancel", {"reason": " "}, "reason"),
        ("cancel", {"reason": "a\0"}, "reason"),
        ("cancel", {"reason": "x" * 2001}, "reason"),
        ("cancel", BECAUSE | {"nothing_was_bought": "no"}, "nothing_was_bought"),
        ("cancel", BECAUSE | {"actor": "somebody else"}, "actor"),
        ("retry", BECAUSE | {"parameters": {"template": "debian-12"}}, "parameters"),
        ("correct", BECAUSE, "parameters"),
        ("correct", BECAUSE | {"parameters": {}}, "parameters"),
        ("mark-done", BECAUSE | {"upstream_number": "4711 4712"}, "upstream_number"),
        ("accept-price", BECAUSE | {"price": "40"}, "price"),
        ("accept-price", BECAUSE | {"price": {"amount": "-1", "currency": "EUR"}}, "price"),
    ],
)
async def test_a_decision_that_can_not_be_right_is_named(
    idle_api: Api, decision: str, body: dict[str, object], field: str
) -> None:
    answer = await idle_api.operator.post(f"/v1/operations/1/{decision}", json=body)

    assert_problem(answer, 422, "invalid-field", field)
