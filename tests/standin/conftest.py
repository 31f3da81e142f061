"""All stories of this directory that were asked for run at the same time; each test waits for its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.infrastructure.databases import copy_of
from tests.infrastructure.temporal import TemporalServer
from tests.standin.rehearsal import Rehearsal, open_rehearsal


@pytest_asyncio.fixture(scope="package")
async def rehearsal(
    request: pytest.FixtureRequest,
    migrated_sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    lasting_temporal_server: TemporalServer,
) -> AsyncIterator[Rehearsal]:
    home = tmp_path_factory.mktemp("rehearsal")
    async with open_rehearsal(copy_of(migrated_sqlite_template, home), lasting_temporal_server, home) as opened:
        for item in request.session.items:
            function = getattr(item, "function", None)
            tale = getattr(function, "tale", None)
            if function is not None and tale is not None:
                arguments = item.callspec.params if hasattr(item, "callspec") else {}
                profiles = [*function.profiles, *([arguments["profile"]] if "profile" in arguments else [])]
                opened.begin(item.nodeid, tale, arguments, profiles=profiles, troubling=function.troubling)
        yield opened


@pytest.fixture
async def told(request: pytest.FixtureRequest, rehearsal: Rehearsal) -> Callable[[], Any]:
    """Wait for this test's story to end."""
    task = rehearsal.running[request.node.nodeid]

    async def wait() -> None:
        await asyncio.shield(task)

    return wait
