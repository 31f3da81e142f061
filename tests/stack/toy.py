"""A stack of small parts, run as its own process by the tests: `python -m tests.stack.toy DIRECTORY STORY`.

Its parts write their process ids and tell when they are asked to stop. The stories: `stays` (until a signal),
`finishes` (with status 5), `loses` (its second part dies), `broken` (its second part can't start), `stuck` (its
second part never gets ready), `deaf` (its second part ignores SIGTERM).
"""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

import process_exit
from stack.embedded import EmbeddedStack, StackSettings
from stack.running import run, say

PART = """
import os, signal, sys, time
name, directory, story = sys.argv[1:]
def stop(*_):
    with open(f"{directory}/stopped", "a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if story == "deaf" else stop)
print(f"{name} is part of the story {story}", flush=True)
if story == "broken":
    sys.exit("no such tariff plan")
with open(f"{directory}/{name}.new", "w") as file:
    file.write(str(os.getpid()))
if story != "stuck":
    os.rename(f"{directory}/{name}.new", f"{directory}/{name}.pid")
while story != "loses" or not os.path.exists(f"{directory}/go"):
    time.sleep(0.02)
os.kill(os.getpid(), signal.SIGKILL)
"""


class ToyStack(EmbeddedStack):
    """Takes the real stack's manners, with other parts."""

    def __init__(self, settings: StackSettings, story: str) -> None:
        super().__init__(settings, progress=say)
        self._story = story

    async def start_parts(self) -> None:
        for name, story in (("first", "stays"), ("second", self._story), ("third", "stays")):
            mark = f"{self.directory}/{name}.pid"
            part: list[str | Path] = [sys.executable, "-c", PART, name, self.directory, story]
            await self.start_part(name, part, partial(exists, mark))


async def exists(file: str) -> bool:
    return os.path.exists(file)  # noqa: ASYNC240 - one look, and nothing else runs here


async def finish(stack: EmbeddedStack) -> int:
    say("the work is done")
    return 5


async def wait(stack: EmbeddedStack) -> int:
    say("up")
    (stack.directory / "go").touch()
    await asyncio.Event().wait()
    return 0


def main() -> None:
    directory, story = Path(sys.argv[1]), sys.argv[2]
    for left in directory.glob("*.pid"):
        left.unlink()
    stack = ToyStack(StackSettings(directory, 0, 0, 0, 0, 0), story)
    process_exit.leave(run(stack, finish if story == "finishes" else wait, until_signal=True))


if __name__ == "__main__":
    main()
