"""`python -m benchmarks.growth`: what a shop's database holds after two years, with and without the daily pruning.

First one operation of each kind is carried out by everything that runs in production. Then its rows are copied, as
many as the shop would have on each day, and the real pruning runs with that day's clock.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

import process_exit
from benchmarks.growth.running import Growth, Plan, grow
from benchmarks.growth.sample import samples
from benchmarks.running import progress
from stack.processes import StackFailed


class Report(BaseModel):
    runs: list[Growth]


def main(
    services: Annotated[int, typer.Option(min=1, help="Services of the shop, each for a month at a time.")] = 1000,
    days: Annotated[int, typer.Option(min=1, help="How long it goes on.")] = 730,
    churn: Annotated[float, typer.Option(min=0, max=1, help="Share of them that is replaced in a month.")] = 0.03,
    database: Annotated[str, typer.Option(metavar="sqlite|URL", help="As in `python -m benchmarks`.")] = "sqlite",
    pruning: Annotated[bool | None, typer.Option(help="With or without it alone. Default: both, in turn.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there, too.")] = None,
) -> None:
    """Simulate the growth of a database."""

    async def all_of_it() -> Report:
        taken = await samples()
        ways = [True, False] if pruning is None else [pruning]
        return Report(runs=[await grow(Plan(days, services, churn, database, way), taken) for way in ways])

    try:
        text = asyncio.run(all_of_it()).model_dump_json(indent=1)
    except StackFailed as failure:
        progress(str(failure))
        process_exit.leave(1)
    if json_file is not None:
        json_file.write_text(text + "\n")
    print(text)
    process_exit.leave(0)


if __name__ == "__main__":
    typer.run(main)
