"""What workflows call and what workers offer are the same: names, queues, types.

Problem: workflows call activities by name, so neither Python nor mypy sees a call that nobody serves, or one whose
types have come apart.

Mechanism: each function of `workflows.calls` is called outside of a workflow, with the SDK's two ways of calling an
activity replaced by ones that note what was asked for; the notes are compared with what `worker.Activities` registers.
"""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, get_type_hints

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior

import activities
import workflows
from models.database import Database
from models.enums import OperationKind, Stage
from models.messages import (
    Decision,
    DecisionKind,
    DecisionRecord,
    ManualWork,
    Message,
    OrderInput,
    PollInput,
    RenewalBatch,
    SendInput,
    ServiceSweepInput,
    StageReport,
    SweepInput,
)
from models.queues import poller_queue, sweep_queue, upstream_queue, webhook_queue
from settings import Settings
from temporal.versions.worker_options import version_options, versioned_workflows
from worker import WORKFLOWS, Activities
from workflows import calls
from workflows.service_order import ServiceOrder
from workflows.versioned import MOVES_UP

QUEUE = "orders"
LOCAL = "local"
SAMPLES: dict[type[Message], Message] = {
    type(sample): sample
    for sample in (
        OrderInput(service=1042, operation=7, kind=OperationKind.OPEN),
        StageReport(operation=7, stage=Stage.NEEDS_ATTENTION),
        DecisionRecord(
            operation=7, kind=DecisionKind.RETRY, decision=Decision(actor="anna", reason="why not"), decision_id="d"
        ),
        ManualWork(service=1042, operation=7, reason="the disk changes"),
        PollInput(upstream="main"),
        SweepInput(),
        SendInput(),
        ServiceSweepInput(),
        RenewalBatch(),
    )
}


@dataclass(frozen=True)
class Interface:
    """One activity, seen from one of its two sides."""

    name: str
    queue: str
    takes: type
    gives: type


async def _called(monkeypatch: pytest.MonkeyPatch) -> set[Interface]:
    notes: set[Interface] = set()

    def note(queue: str) -> Callable[..., Awaitable[None]]:
        async def take(name: str, request: object, **options: Any) -> None:
            notes.add(
                Interface(name, options.get("task_queue", queue), type(request), options.get("result_type", type(None)))
            )

        return take

    monkeypatch.setattr(workflow, "info", lambda: SimpleNamespace(task_queue=QUEUE))
    monkeypatch.setattr(workflow, "execute_activity", note(QUEUE))
    monkeypatch.setattr(workflow, "execute_local_activity", note(LOCAL))
    monkeypatch.setattr(workflow, "patched", lambda name: True)
    for name, function in inspect.getmembers(calls, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            hints = get_type_hints(function)
            first = SAMPLES[hints[next(iter(inspect.signature(function).parameters))]]
            patience = {"patient": False} if "patient" in hints else {}
            await function(first, **patience)
    return notes


@pytest.fixture
async def offered(sqlite_database_url: str, temporal_client: Client) -> AsyncIterator[Activities]:
    database = Database(sqlite_database_url)
    offered = Activities(database, temporal_client, Settings(task_queue=QUEUE))
    yield offered
    await offered.close()
    await database.close()


def _offered(functions: Iterable[Callable[..., Any]], queue: str) -> Iterator[Interface]:
    for function in functions:
        definition = activity._Definition.must_from_callable(function)
        hints = get_type_hints(function)
        gives = hints.pop("return")
        [takes] = hints.values()
        assert definition.name
        yield Interface(definition.name, queue, takes, gives)


async def test_what_workflows_call_is_what_the_workers_offer(
    monkeypatch: pytest.MonkeyPatch, offered: Activities
) -> None:
    expected = {
        *_offered(set(offered.local) - {offered.records.record_decision}, LOCAL),
        *_offered([offered.records.record_decision], QUEUE),
        *_offered(offered.upstream, upstream_queue(QUEUE)),
        *_offered(offered.sweep, sweep_queue(QUEUE)),
        *_offered(offered.pollers, poller_queue(QUEUE)),
        *_offered(offered.senders, webhook_queue(QUEUE)),
    }
    assert await _called(monkeypatch) == expected


async def test_every_activity_defined_is_registered(offered: Activities) -> None:
    groups = (offered.local, offered.upstream, offered.sweep, offered.pollers, offered.senders)
    registered = {function.__qualname__ for group in groups for function in group}
    defined = {
        function.__qualname__
        for module in _modules(activities)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        for _, function in inspect.getmembers(kind, inspect.isfunction)
        if activity._Definition.from_callable(function)
    }
    assert registered == defined


def test_every_workflow_defined_is_registered() -> None:
    defined = {
        kind
        for module in _modules(workflows)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if workflow._Definition.from_class(kind)
    }
    assert {*WORKFLOWS, *MOVES_UP.values()} == defined


@pytest.mark.proof
def test_with_versions_an_order_stays_and_all_others_move_up_under_their_names() -> None:
    settings = Settings(build_id="1")
    run = dict(zip(WORKFLOWS, versioned_workflows(WORKFLOWS, settings), strict=True))
    assert run.pop(ServiceOrder) is ServiceOrder
    assert run == MOVES_UP
    for plain, versioned in run.items():
        before, after = workflow._Definition.must_from_class(plain), workflow._Definition.must_from_class(versioned)
        assert (after.name, after.versioning_behavior) == (before.name, VersioningBehavior.AUTO_UPGRADE)
    options = version_options(settings)["deployment_config"]
    assert options.default_versioning_behavior is VersioningBehavior.PINNED
    assert versioned_workflows(WORKFLOWS, Settings()) == WORKFLOWS, "the server refuses it without a build id"


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)
