"""A run of many decisions whose API is killed in the middle: it says where it stopped, and nothing is done twice."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from models.audit import AuditEntry
from models.batch import BatchMember
from models.columns import utc_now
from models.enums import MemberState
from models.order import Operation, Task
from orders.tasks import manual
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api
from tests.storefront.test_batches import PATH, preview, states

ACTIONS: dict[str, tuple[dict[str, str], str, str]] = {
    "assign": ({"assignee": "anna"}, "task", "task_handed_over"),
    "cancel": ({}, "operation", "cancel"),
}
"""Action -> what is asked besides; of what the audit says it, and how."""
KILLED_AT = 3
COUNT = 5


@asynccontextmanager
async def second_api(api: Api) -> AsyncIterator[tuple[Program, httpx.AsyncClient]]:
    """Another process of the API, on the same database."""
    environment = {
        "RESELL_DATABASE_URL": api.settings.database_url,
        "RESELL_STOREFRONT_TOKENS": f"shop={SHOP_TOKEN}",
        "RESELL_OPERATOR_TOKENS": f"olga={OPERATOR_TOKEN}",
        "TEMPORAL_ADDRESS": api.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": api.client.namespace,
    }
    command = [sys.executable, "-m", "cli", "api", "--port", "0"]
    with Program(command, name="api", forked=True, env=environment) as program:
        url = (await asyncio.to_thread(program.wait_for_line, r"listens on (\S+)"))[1]
        headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
            yield program, client


async def members(api: Api) -> dict[int, MemberState]:
    async with api.database.read() as session:
        found = (await session.exec(select(BatchMember).order_by(col(BatchMember.id)))).all()
    return {one.operation_id: one.state for one in found}


async def is_carried_out(api: Api, action: str) -> bool:
    async with api.database.read() as session:
        if action == "assign":
            return (await session.get_one(Task, KILLED_AT)).assignee == "anna"
        return (await session.get_one(Operation, KILLED_AT)).stage.is_final


async def times(api: Api, action: str) -> list[int]:
    """How often each was carried out."""
    _, subject, word = ACTIONS[action]
    async with api.database.read() as session:
        query = select(AuditEntry).where(AuditEntry.subject == subject, AuditEntry.action == word)
        entries = [one for one in (await session.exec(query)).all() if "(batch" in one.detail.get("reason", "")]
    return [sum(one.subject_number == number for one in entries) for number in range(1, COUNT + 1)]


@pytest.mark.proof
@pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("action", ["assign", pytest.param("cancel", marks=pytest.mark.proof)])
async def test_what_was_carried_out_before_the_kill_is_not_carried_out_again(api: Api, action: str) -> None:
    """Killed after the third was carried out, and before that was written into the batch."""
    for number in range(1, COUNT + 1):
        await api.order(f"cart-{number}")
    if action == "assign":
        async with api.database.write() as session:
            for number in range(1, COUNT + 1):
                await manual.open_task(session, number, "by hand")
    batch = (await preview(api, action=action, filter={"kind": ["open"]}, **ACTIONS[action][0]))["number"]

    def waits_for(state: MemberState) -> Callable[[], Any]:
        async def there() -> bool:
            return (await members(api))[KILLED_AT] is state

        return there

    async with second_api(api) as (program, client):
        with psycopg.connect(api.settings.database_url) as holds_it, psycopg.connect(api.settings.database_url) as note:
            holds_it.execute(f"SELECT FROM {ACTIONS[action][1]} WHERE id = {KILLED_AT} FOR UPDATE")
            running = asyncio.ensure_future(client.post(f"{PATH}/{batch}/run"))
            await assert_eventually(waits_for(MemberState.TAKEN), timeout=30)
            note.execute(f"SELECT FROM operation_batch_member WHERE operation_id = {KILLED_AT} FOR UPDATE")
            holds_it.rollback()
            await assert_eventually(lambda: is_carried_out(api, action), timeout=30)
            program.kill()
            with pytest.raises(httpx.HTTPError):
                await running

    shown = (await api.operator.get(f"{PATH}/{batch}")).json()
    assert states(shown) == {1: "done", 2: "done", 3: "taken", 4: "planned", 5: "planned"}
    rest = (await api.operator.post(f"{PATH}/{batch}/run")).json()
    assert (states(rest), rest["finished"]) == ({1: "done", 2: "done", 3: "taken", 4: "done", 5: "done"}, False)
    if action == "assign":  # since then a person has given it to another one
        await api.operator.post(f"/v1/tasks/{KILLED_AT}/hand-over", json={"to": "boris"})
    async with api.database.write() as session:
        long_ago = utc_now() - timedelta(minutes=6)
        await session.exec(
            sa.update(BatchMember).where(col(BatchMember.operation_id) == KILLED_AT).values(taken_at=long_ago)
        )
    ended = (await api.operator.post(f"{PATH}/{batch}/run")).json()
    assert (set(states(ended).values()), ended["finished"]) == ({"done"}, True)
    assert "by a run that was interrupted" in ended["items"][KILLED_AT - 1]["message"]
    assert await times(api, action) == [1] * COUNT
    if action == "assign":
        assert (await api.operator.get(f"/v1/tasks/{KILLED_AT}")).json()["assignee"] == "boris"
