"""`resell archive`: ended operations as files, one a month."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.days import day
from cli.decisions import Actor
from cli.printing import Column, number, print_json, print_table, whole
from cli.session import AsJson, acting_as, opened_database, run_async

if TYPE_CHECKING:
    from orders.archiving.run import Done

_COLUMNS = [
    whole("month"), number("operations"), number("records"), Column("file"), whole("state"), number("removed rows")
]  # fmt: skip


def add_commands(app: typer.Typer) -> None:
    app.command()(archive)


def archive(
    before: Annotated[date, day("months that ended before this day, UTC")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="the folder of the archive; it has to be there")],
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="then remove stages and upstream events from the database, of months that ended 90 days ago",
        ),
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Write ended operations to CSV files, one for each month, with their stages, calls, money and events.

    A month that is there already is checked and left as it is, so the command may be repeated, also after it was
    interrupted. Operations, keys, marks, calls, money set aside and the audit log stay in the database in any case.
    """
    done = run_async(_archive(before, to, remove, acting_as(actor)))
    if as_json:
        items = [
            {"manifest": one.manifest.model_dump(mode="json"), "was_there": one.was_there, "removed": one.removed}
            for one in done
        ]
        return print_json({"items": items})
    rows = [
        [f"{one.manifest.month:%Y-%m}", one.manifest.operations, sum(one.manifest.records.values()), one.manifest.file,
         "was there" if one.was_there else "written", sum(one.removed.values()) if one.removed is not None else ""]
        for one in done
    ]  # fmt: skip
    return print_table(_COLUMNS, rows, nothing="no operation ended in a whole month before that day")


async def _archive(before: date, to: Path, remove: bool, actor: str) -> "list[Done]":
    from orders.archiving.files import Folder
    from orders.archiving.run import archive

    async with opened_database() as database:
        return [one async for one in archive(database, Folder(to), before, remove=remove, actor=actor)]
