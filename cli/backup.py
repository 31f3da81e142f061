"""`resell backup` and `resell hold`: what goes before `resell restored`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import Failure
from cli.session import opened_database, run_async
from settings import load_settings

NOTE_SECONDS = 2.0

Directory = Annotated[Path, typer.Argument(help="where the copies are kept; it is made if it is missing")]


def add_commands(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(hold)


def backup(
    directory: Directory,
    keep: Annotated[int, typer.Option(min=1, help="how many copies stay; older ones are removed")] = 7,
) -> None:
    """Save the SQLite database while it is in use, and read the copy back. For PostgreSQL see deploy/backup/backup.sh.

    The copy is held: worker and API refuse to work on it until `resell restored` was run. It is not encrypted.
    """
    from models.columns import utc_now
    from models.sqlite_backup import CopyFailed, save

    file = run_async(_file())
    try:
        saved, removed = save(file, directory, at=utc_now(), keep=keep)
    except CopyFailed as error:
        raise Failure(str(error)) from error
    for one in removed:
        print(f"removed: {one}")
    print(f"saved: {saved}")
    run_async(_note())


async def _file() -> Path:
    async with opened_database() as database:
        if not database.is_sqlite:
            raise Failure("the database is PostgreSQL: save it with deploy/backup/backup.sh (docs/backup.md)")
        return Path(database.engine.url.database or "")


async def _note() -> None:
    """Write down that a copy was made, for the metrics. The copy is good without that."""
    from sqlalchemy.exc import SQLAlchemyError

    from models.beat import BACKUP, BackupKind, Beat
    from models.columns import utc_now
    from models.outages import described

    settings = load_settings()
    try:
        async with (
            opened_database(settings.model_copy(update={"database_wait": NOTE_SECONDS})) as database,
            database.write() as session,
        ):
            await session.merge(Beat(name=f"{BACKUP}{BackupKind.COPY}", at=utc_now()))
    except SQLAlchemyError as error:
        print(f"the database can't be told, so metrics show the copy before: {described(error)}", file=sys.stderr)


def hold(
    reason: Annotated[str, typer.Option(help="why; worker and API show it")] = "an operator holds it",
) -> None:
    """Refuse all orders, and send nothing, until `resell restored` was run. For a database that somebody else restored.

    It needs neither Temporal nor the upstreams. A reason that is there already stays.
    """
    print(f"held: {run_async(_hold(reason))}")


async def _hold(reason: str) -> str | None:
    from models.audit import Installation
    from orders.installation import hold

    async with opened_database() as database, database.write() as session:
        await hold(session, reason)
        return (await session.get_one(Installation, 1)).held_because
