"""An event handler of the panel's owner: a program that is run after each change of a service, as panels run theirs.

It gets the function and the number of the service as variables, and an empty document on standard input; what it
answers is not looked at. A real panel runs handlers of the kind `after` in the same way, but waits for their answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from pathlib import Path
from typing import Final

from simulator.lifecycle import advance
from simulator.world import World

_TICK: Final = 0.1
_PATIENCE: Final = 10.0
_DOCUMENT: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n<doc/>\n'


async def run_handler(world: World, program: Path, stopping: asyncio.Event) -> None:
    """Until the simulator stops. Lets time pass in the panel, too: otherwise it does only while somebody asks."""
    world.news = deque(maxlen=1000)
    while not stopping.is_set():
        advance(world)
        world.commit()
        while world.news and not stopping.is_set():
            number, action = world.news.popleft()
            await _run(program, number, action)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _TICK)


async def _run(program: Path, number: int, action: str) -> None:
    given = {"PARAM_func": action, "PARAM_elid": str(number), "PARAM_sok": "ok"}
    process = await asyncio.create_subprocess_exec(
        program,
        env={**os.environ, **given},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.communicate(_DOCUMENT)
    except TimeoutError:
        process.kill()
        await process.wait()
