"""What people are told to type works, as far as it can be tried without their servers."""

import re
from pathlib import Path

import pytest

from catalogue.loading import load
from models.database import Database
from models.enums import IncidentKind, ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from models.order import Service
from orders.incidents.record import raise_incident
from tests.catalogue.sample import written
from tests.docs.example import Example
from tests.docs.pages import OPERATIONS, README

pytestmark = pytest.mark.timeout(300)

DECISION = re.compile(
    r"operations (retry|correct|accept-price|mark-done|cancel) 7|"
    r"operations/7/(retry|correct|accept-price|mark-done|cancel)|update"
)
TASKS = tuple(f"resell tasks {act}" for act in ("take", "release", "hand-over", "note", "complete", "reject"))
BY_HAND = (*TASKS, "change-plan-7")
ENDS_A_TASK = re.compile(r"tasks (complete|reject)|change-plan-7")
LINKING = ("resell link", "resell adopt", "/link", "/adopt")
ELSEWHERE = (
    "resell setup",
    "resell migrate",
    "resell api",
    "resell upstream check",
    "127.0.0.1:8081",
    *BY_HAND,
    "look-now 7",
    "resell versions current",
    "resell versions ramp",
    "operations batch",
    *LINKING,
)
"""Needs a file, a process, an upstream of the reader's own, a manual task, workers with a version, or an item, perhaps
one that is waited for; tried by tests of their own."""
LISTS = ("resell operations --stage", "resell orphans", "resell tasks", "resell upstreams")
COMPLETE = [command for command in OPERATIONS.mentioned if " 7" in command or command.startswith(LISTS)]
RUNNABLE = [
    command
    for command in dict.fromkeys([*OPERATIONS.typed, *COMPLETE])
    if not any(word in command for word in ELSEWHERE) and " STAGE" not in command
]
REQUESTS: list[str] = [path for path in re.findall(r"`GET (/v1/[^`]+)`", OPERATIONS.text) if "/batch/" not in path]


def decisions() -> list[str]:
    return [c for c in RUNNABLE if DECISION.search(c) and ("--reason" in c or "reason" in c)]


def looks() -> list[str]:
    """The one that closes the service comes last: nothing can be done to it afterwards."""
    found = [c for c in RUNNABLE if not DECISION.search(c)]
    return sorted(found, key=lambda command: "resell close" in command)


def test_there_is_something_to_try() -> None:
    assert len(decisions()) >= 10
    assert len(looks()) >= 20
    assert len(REQUESTS) >= 9


@pytest.mark.proof
async def test_the_runbook_s_looks_work(example: Example) -> None:
    operation = await example.rejected()
    await four_incidents(example)
    for command in looks():
        if " wait " in command:
            continue  # its status says whether the operation was completed
        await example.run(command, operation)
    await example.reaches(operation, Stage.CANCELLED)  # by closing its service: so its stream has an end
    for path in REQUESTS:
        await example.run(f"curl $API{path} -H 'Authorization: Bearer $TOKEN'", operation)


async def four_incidents(example: Example) -> None:
    async with example.shop.database.write() as session:
        for number in range(4):
            await raise_incident(session, IncidentKind.SECOND_ITEM, "two items carry one mark", about=str(number))


@pytest.mark.proof
async def test_the_runbook_s_decisions_work(example: Example) -> None:
    for command in decisions():
        operation = await (example.too_dear() if "accept-price" in command else example.rejected())
        await example.run(command, operation)
        await example.reaches(operation, Stage.COMPLETED, Stage.CANCELLED)


@pytest.mark.proof
async def test_what_people_do_to_tasks_works_as_the_runbook_says(example: Example) -> None:
    told = dict.fromkeys([*OPERATIONS.typed, *OPERATIONS.mentioned])
    commands = [command for command in told if any(word in command for word in BY_HAND) and " 7" in command]
    commands += [command for command in OPERATIONS.typed if "change-plan-7" in command]
    ends = [command for command in dict.fromkeys(commands) if ENDS_A_TASK.search(command)]
    others = [command for command in dict.fromkeys(commands) if command not in ends]
    assert len(ends) >= 3
    assert len(others) >= 4
    for several in (others, *([command] for command in ends)):
        async with example.by_hand() as (task, workflow):
            for command in several:
                await example.run(command.replace("service-7-change-plan-7", workflow), task)


@pytest.mark.proof
async def test_items_bought_by_hand_are_linked_and_adopted_as_the_runbook_says(example: Example) -> None:
    commands = [command for command in OPERATIONS.typed if any(word in command for word in LINKING)]
    assert len(commands) >= 6
    for command in commands:
        operation = await example.rejected()
        by_hand = Decision(actor="ann", reason="by hand", nothing_was_bought=True)
        await example.shop.resellflow.decide(operation, DecisionKind.CANCEL, by_hand)
        number = (await example.shop.operation(operation)).service_id
        async with example.shop.database.write() as session:
            service = await session.get_one(Service, number)
            service.status = ServiceStatus.ORDERED  # as one that never had an item
        item = await example.shop.upstream.bought_by_hand(f"v{number}.example.com")
        await example.run(command, number, str(item["id"]))


async def test_the_first_orders_of_the_readme_work(example: Example) -> None:
    for command in README.typed:
        if command.startswith(("curl", "resell order", "resell operations")):
            await example.run(command, 1)
    [code] = README.blocks("python")
    (await example.shell.process(program=("-c", code))).done()
    assert len(await example.shop.upstream.charges()) >= 2


async def test_the_catalogue_of_the_readme_loads(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    [text] = README.blocks("toml")
    database = Database(f"sqlite:///{migrated_sqlite_template}")
    report = await load(database, written(tmp_path, text), actor="tester", dry_run=True)
    await database.close()
    assert report.accounts == ["main"]
