"""/docs loads nothing from another host, and can be switched off."""

import re
from pathlib import Path

import httpx
from temporalio.client import Client

from models.database import Database
from tests.infrastructure.databases import copy_of
from tests.storefront.api import Api, api_settings, running_api


async def test_the_page_and_all_that_it_loads_come_from_here(idle_api: Api) -> None:
    page = await idle_api.stranger.get("/docs")

    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    assert not re.search(r"<script>|\son\w+=|//", page.text.replace("<!DOCTYPE html>", ""))
    for path in named:
        loaded = await idle_api.stranger.get(str(httpx.URL(f"{idle_api.address}/docs").join(path)))
        assert loaded.status_code == 200, path
        assert len(loaded.content) > 100
    start = (await idle_api.stranger.get("/docs/start.js")).text
    assert "validatorUrl: null" in start
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert not re.search(r"https?:|\*|unsafe", policy)


async def test_what_is_not_there_is_a_problem_like_elsewhere(idle_api: Api) -> None:
    for path in ("/docs/assets/none.js", "/docs/assets/../core.py", "/docs/assets/%2e%2e/core.py", "/redoc"):
        answer = await idle_api.stranger.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_it_can_be_switched_off(
    migrated_sqlite_template: Path, tmp_path: Path, unreachable_temporal: Client
) -> None:
    url = copy_of(migrated_sqlite_template, tmp_path)
    database = Database(url)
    settings = api_settings(url).model_copy(update={"api_docs": False})
    async with running_api(database, unreachable_temporal, settings) as api:
        for path in ("/docs", "/docs/start.js", "/docs/assets/swagger-ui.css", "/openapi.json"):
            assert (await api.stranger.get(path)).status_code == 404, path
        assert (await api.stranger.get("/healthz")).status_code == 200
    await database.close()
