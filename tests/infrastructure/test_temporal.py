"""The Temporal server the tests are given."""

from temporalio.client import Client

from tests.infrastructure.eventually import assert_eventually


async def start_with_stage(client: Client, task_queue: str, stage: str) -> None:
    from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword("OrderStage"), stage)]
    await client.start_workflow(
        "NoWorkerNeeded",
        id="service-1-open-1",
        task_queue=task_queue,
        search_attributes=TypedSearchAttributes(pairs),
    )


async def test_search_attributes_are_known_from_the_start(temporal_client: Client, task_queue_prefix: str) -> None:
    await start_with_stage(temporal_client, task_queue_prefix, "submitting")

    async def found() -> list[str]:
        return [w.id async for w in temporal_client.list_workflows("OrderStage = 'submitting'")]

    assert await assert_eventually(found) == ["service-1-open-1"]


async def test_the_next_test_may_use_the_same_workflow_id(temporal_client: Client, task_queue_prefix: str) -> None:
    await start_with_stage(temporal_client, task_queue_prefix, "submitting")
