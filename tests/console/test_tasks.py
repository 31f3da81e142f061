"""Tasks: mine, nobody's, overdue, of a department; and what is changed at the upstream, value by value."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from models.columns import utc_now
from models.enums import Role
from models.events import UpstreamSnapshot
from models.order import Task
from orders.access import people
from orders.errors import InvalidField
from orders.tasks import manual
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import everything_stuck
from tests.console.test_requests import seen
from tests.storefront.api import Api

FORMS = re.compile(r'action="\.\./tasks/\d+/([a-z-]+)"')
"""The acts that a page offers."""


async def test_each_tab_has_its_own_tasks(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api, times=3)  # tasks 4, 10 and 16
    browser = await log_in(Role.OPERATOR)
    async with api.database.write() as session:
        (await session.get_one(Task, 4)).assignee = browser.name
        late = await session.get_one(Task, 10)
        late.due_at, late.department = utc_now() - timedelta(hours=1), "sales"
    for query, numbers in (
        ("", {4, 10, 16}), ("show=mine", {4}), ("show=free", {10, 16}), ("show=overdue", {10}),
        ("department=support", {4, 16}), ("show=free&department=support", {16}), ("show=nonsense", {4, 10, 16}),
    ):  # fmt: skip
        page = await browser.page(f"tasks?{query}")
        assert {n for n in (4, 10, 16) if f'href="tasks/{n}"' in page} == numbers, query
        assert ("overdue" in words(page.split("<table")[1])) is (10 in numbers), query
    page = await browser.page("tasks/4")
    assert ("https://upstream.test/billmgr" in page, "data-copy" in page) == (True, False), "it has no item so far"
    assert "No task is here." in words(await browser.page("tasks?show=mine&department=sales"))
    assert 'aria-current="true">Overdue' in await browser.page("tasks?show=overdue")
    await browser.page("tasks?after=nonsense", status=422)


@pytest.mark.proof
async def test_the_tasks_of_a_persons_department_are_theirs(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api, times=3)  # tasks 4, 10 and 16, all of support
    async with api.database.write() as session:
        (await session.get_one(Task, 10)).department = "sales"
    browser = await log_in(Role.OPERATOR)
    assert 'href="?show=ours"' in await browser.page("tasks")
    without = await browser.page("tasks?show=ours")
    assert "You have no department." in words(without)
    assert f"resell users department {browser.name} support" in words(without)
    assert ("tasks/4" in without, "<table" in without) == (False, False), "no department is not every department"
    await people.change_department(api.database, browser.name, "support", actor="ann")
    for query in ("show=ours", "show=ours&department=sales"):
        page = await browser.page(f"tasks?{query}")
        assert {n for n in (4, 10, 16) if f'href="tasks/{n}"' in page} == {4, 16}, query
        assert "You have no department" not in page
    assert "Department: support" in words(page)
    assert "Department: support" in words(await browser.page("me"))
    await people.change_department(api.database, browser.name, "", actor="ann")
    assert "You have no department." in words(await browser.page("tasks?show=ours"))
    audit = words(await browser.page("audit?action=department+changed"))
    assert ("→ support" in audit, "support →" in audit) == (True, True)
    with pytest.raises(InvalidField, match="the departments are support"):
        await people.change_department(api.database, browser.name, "supprot", actor="ann")


async def test_a_change_of_plan_is_shown_value_by_value_beside_what_was_read(api: Api, log_in: LogIn) -> None:
    await seen(api)
    answer = await api.shop.post(
        "/v1/services/1/change-plan", json={"plan": "VDS-3"}, headers={"Idempotency-Key": "change"}
    )
    assert answer.status_code == 201, answer.text
    async with api.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-3"))).one()
        plan.resources = {"disk_gb": 60}
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
        mapping.resource_fields = {"disk_gb": "addon_70"}
        item = (await session.exec(select(UpstreamSnapshot))).one()
        item.form = {**item.form, "addon_70": "45"}
        await manual.open_task(session, 2, "the disk can't be made larger automatically")
        tariff = mapping.tariff
    viewer = await log_in(Role.VIEWER)
    page = await viewer.page("tasks/2")
    shown = words(page)
    assert "plan VDS-1 → VDS-3" in shown
    assert f"tariff 58 → {tariff} {tariff} Copy 58 (not yet)" in shown
    assert "disk (GB) 30 → 60 60 Copy 45 (not yet)" in shown
    assert 'data-copy="4711"' in page
    assert 'href="https://upstream.test/billmgr" rel="noreferrer noopener"' in page


@pytest.mark.proof
async def test_of_an_automatic_task_only_what_is_possible_is_offered(api: Api, log_in: LogIn) -> None:
    """It ends by itself. What is offered of the same task, once it is a person's, is more."""
    await everything_stuck(api)
    operator, senior = await log_in(Role.OPERATOR), await log_in(Role.SENIOR)
    page = await operator.page("tasks/1")
    assert (FORMS.findall(page), "nobody needs to act on it" in words(page)) == ([], True)
    assert FORMS.findall(await senior.page("tasks/1")) == ["note-anyway"]
    unsaid = await senior.send("tasks/1/note-anyway", note="asked them")
    assert (unsaid.status_code, "asked them" in unsaid.text) == (422, True)
    assert (await senior.send("tasks/1/note-anyway", note="asked them", reason="it hangs")).status_code == 303
    shown = words(await operator.page("tasks/1"))
    assert ("asked them" in shown, "override: it hangs" in shown) == (True, True)
    assert (await operator.send("tasks/1/note-anyway", note="n", reason="r")).status_code == 403
    for act in ("take", "release", "complete", "hand-over", "reject", "note"):
        refused = await senior.send(f"tasks/1/{act}", to="boris", reason="r", note="n")
        assert (refused.status_code, "is automatic" in words(refused.text)) == (409, True), act

    by_people = ["complete", "note", "hand-over", "reject"]
    page = await operator.page("tasks/4")
    assert (FORMS.findall(page), "nobody needs to act" in page) == (["take", *by_people], False)
    assert (await operator.send("tasks/4/take")).status_code == 303
    assert FORMS.findall(await operator.page("tasks/4")) == ["release", *by_people]
    assert FORMS.findall(await (await log_in(Role.VIEWER)).page("tasks/4")) == []
