"""Every route for every role: the table of docs/access.md, the OpenAPI document, and what the API answers."""

import re
from collections.abc import AsyncIterator
from http import HTTPMethod
from pathlib import Path

import httpx
import pytest

from models.enums import FailureClass, IntentState, Role, Stage
from models.order import Intent
from orders.access import tokens
from tests.storefront.api import Api, assert_problem

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
ROUTE = re.compile(r"`([A-Z]+) (/v1/[^`]*)`")
IN_BRACES = re.compile(r"\{\w+\}")
NOBODYS = "987654"
NO_STAFF_ROUTE = "/hints"
"""These are signed, and have no token."""

Routes = dict[tuple[str, str], set[Role]]


def of_the_page() -> Routes:
    """Route -> roles that may call it, as the table says."""
    lines = PAGE.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| Route |"))
    roles = [Role(cell.strip()) for cell in lines[start].strip("|").split("|")[1:]]
    routes: Routes = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        named, *cells = line.strip().strip("|").split("|")
        may = {role for role, cell in zip(roles, cells, strict=True) if cell.strip() in ("own", "yes")}
        assert {cell.strip() for cell in cells} <= {"own", "yes", "–"}, line
        assert (cells[0].strip() == "own") is (Role.STOREFRONT in may), "a storefront has what is its own"
        for method, path in ROUTE.findall(named):
            assert (method, path) not in routes
            routes[method, path] = may
    return routes


@pytest.fixture
async def clients(idle_api: Api) -> AsyncIterator[dict[Role, httpx.AsyncClient]]:
    """One for each role, with a token of the table."""
    made: dict[Role, httpx.AsyncClient] = {}
    async with idle_api.database.write() as session:
        for role in Role:
            name = f"a-{role.value}"
            for old in [one for one in await tokens.all_tokens(session, revoked=False) if one.name == name]:
                await tokens.revoke(session, old.id or 0, actor="test")
            new = await tokens.add(session, name, role, actor="test", of_settings={})
            headers = {"Authorization": f"Bearer {new.secret}", "Idempotency-Key": "k"}
            made[role] = httpx.AsyncClient(base_url=idle_api.address, headers=headers, timeout=15, trust_env=False)
    idle_api.callers.forget()
    yield made
    for client in made.values():
        await client.aclose()


async def test_the_page_the_document_and_the_answers_say_the_same_of_every_route_and_role(
    idle_api: Api, clients: dict[Role, httpx.AsyncClient]
) -> None:
    told = of_the_page()
    paths = (await idle_api.stranger.get("/openapi.json")).json()["paths"]
    methods = {method.value.lower() for method in HTTPMethod}
    documented: Routes = {
        (method.upper(), path): {Role(role) for role in operation["x-roles"]}
        for path, operations in paths.items()
        if path.startswith("/v1/") and not path.endswith(NO_STAFF_ROUTE)
        for method, operation in operations.items()
        if method in methods
    }
    assert told == documented
    for method, path in told:
        if told[method, path] != set(Role):
            assert "403" in paths[path][method.lower()]["responses"], (method, path)

    for (method, path), may in told.items():
        address = IN_BRACES.sub(NOBODYS, path)
        for role, client in clients.items():
            answer = await client.request(method, address)
            if role in may:
                assert answer.status_code in (200, 404, 422), (method, path, role, answer.text)
            else:
                detail = assert_problem(answer, 403, "forbidden")
                assert all(one.value in detail for one in may), (method, path, role, detail)


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("operations/1/retry", {"reason": "r", "nothing_was_bought": True}, {Role.OPERATOR}),
        (
            "operations/1/correct",
            {"reason": "r", "parameters": {"a": "b"}, "nothing_was_bought": True},
            {Role.OPERATOR},
        ),
        ("operations/1/cancel", {"reason": "r", "nothing_was_bought": True}, {Role.OPERATOR}),
        ("tasks/1/complete", {"override": True, "reason": "r"}, {Role.OPERATOR}),
        ("tasks/1/take", {"override": True, "reason": "r"}, {Role.OPERATOR}),
        ("tasks/1/release", {"override": True, "reason": "r"}, {Role.OPERATOR}),
        ("tasks/1/hand-over", {"to": "ann", "override": True, "reason": "r"}, {Role.OPERATOR}),
        ("tasks/1/note", {"note": "n", "override": True, "reason": "r"}, {Role.OPERATOR}),
        ("tasks/1/reject", {"override": True, "reason": "r"}, {Role.OPERATOR}),
        ("services/1/link", {"upstream_number": "9", "force": True, "reason": "r"}, {Role.OPERATOR}),
        ("services/1/suspend", {"urgent": True}, {Role.STOREFRONT}),
    ],
)
async def test_what_overrules_needs_a_senior(
    clients: dict[Role, httpx.AsyncClient], path: str, body: dict[str, object], refused: set[Role]
) -> None:
    for role in (*refused, Role.SENIOR, Role.ADMIN):
        answer = await clients[role].post(f"/v1/{path}", json=body)
        if role in refused:
            assert "needs the role" in assert_problem(answer, 403, "forbidden")
        else:
            assert answer.status_code in (404, 409), (role, answer.text)


async def test_what_was_sent_is_cancelled_by_a_senior_and_before_that_by_an_operator(sqlite_api: Api) -> None:
    """Of what a storefront asked for; its own document offers the decision to who may take it."""
    async with sqlite_api.database.write() as session:
        of_role = {
            role: {
                "Authorization": "Bearer "
                + (await tokens.add(session, role.value, role, actor="test", of_settings={})).secret
            }
            for role in (Role.VIEWER, Role.OPERATOR, Role.SENIOR)
        }
    for key in ("sent", "not-sent"):
        await sqlite_api.order(key)
    await sqlite_api.enter(1, Stage.WAITING_FOR_FUNDS)
    await sqlite_api.add(
        Intent(
            operation_id=1,
            account_id=1,
            attempt=1,
            mark="m",
            state=IntentState.REFUSED,
            failure_class=FailureClass.FUNDS,
        )
    )

    async def cancel(number: int, role: Role) -> httpx.Response:
        return await sqlite_api.stranger.post(
            f"/v1/operations/{number}/cancel", json={"reason": "not wanted"}, headers=of_role[role]
        )

    async def offered(number: int, role: Role) -> dict[str, list[str]]:
        shown = (await sqlite_api.stranger.get(f"/v1/operations/{number}", headers=of_role[role])).json()
        assert "senior or admin may cancel" in shown["person_may"] or shown["allowed_decisions"] or role is Role.VIEWER
        return {one["decision"]: one["roles"] for one in shown["allowed_decisions"]}

    assert await offered(1, Role.OPERATOR) == {}
    assert await offered(1, Role.SENIOR) == {"cancel": ["senior", "admin"]}
    assert await offered(2, Role.VIEWER) == {}
    assert "senior" in assert_problem(await cancel(1, Role.OPERATOR), 403, "forbidden")
    assert (await cancel(1, Role.SENIOR)).status_code == 200
    assert (await cancel(2, Role.OPERATOR)).status_code == 200
