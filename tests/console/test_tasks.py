"""Tasks: mine, nobody's, overdue, of a department; and what is changed at the upstream, value by value."""

from datetime import timedelta

from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from models.columns import utc_now
from models.enums import Role
from models.events import UpstreamSnapshot
from models.order import Task
from orders.tasks import manual
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import everything_stuck
from tests.console.test_requests import seen
from tests.storefront.api import Api


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
