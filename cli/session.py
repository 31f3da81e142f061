"""What a command works with, opened by the settings and closed again; and who types."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from cli.api import check_not_chosen, chosen
from cli.failures import Failure
from settings import Settings, load_settings

if TYPE_CHECKING:
    from models.database import Database
    from orders.views import WorkflowLinks
    from starter import Resellflow

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

AsJson = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


@asynccontextmanager
async def opened_database(settings: Settings | None = None) -> AsyncIterator["Database"]:
    """The database of the settings."""
    from models.database import Database

    check_not_chosen()
    settings = settings or load_settings()
    try:
        database = Database(settings.database_url, settings.pool_terms())
    except ValueError as error:
        raise Failure(str(error)) from error
    _check_file(database)
    try:
        yield database
    finally:
        await database.close()


def _check_file(database: "Database") -> None:
    """Opening a SQLite file that is not there would make an empty one."""
    file = database.engine.url.database
    if not database.is_sqlite or not file:
        return
    if not os.path.exists(file):
        raise Failure(f"there is no database {file} yet (RESELL_DATABASE_URL); run `resell migrate`")
    if not os.access(file, os.R_OK | os.W_OK):
        raise Failure(f"the database {file} can't be read and written by this user")


@asynccontextmanager
async def opened_resellflow() -> AsyncIterator["Resellflow"]:
    """Database and a Temporal client that connects at its first call."""
    from starter import Resellflow
    from temporal.client import connect_client

    settings = load_settings()
    async with opened_database(settings) as database:
        resellflow = Resellflow(database, await connect_client(settings, lazy=True), settings)
        yield resellflow
        await resellflow.finish()


def workflow_links() -> "WorkflowLinks":
    """Where Temporal UI shows workflows, by the settings."""
    from orders.views import WorkflowLinks
    from temporalconfig import temporal_settings

    return WorkflowLinks(load_settings().temporal_ui_url, temporal_settings().get("namespace") or "default")


def valid(model: type[M], **values: object) -> M:
    """The model of these values. Raises InvalidField for the first that is not right."""
    from orders.errors import InvalidField

    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidField(".".join(map(str, first["loc"])), message) from error


def run_async(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def acting_as(actor: str | None) -> str:
    """Who does it: as the command says, or who types. Raises Failure over an API, where the token says it."""
    if actor and chosen():
        raise Failure("--actor can't be given with --api: the API writes down whose token it is")
    return actor or os_user()


def os_user() -> str:
    """Who types, for the audit."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
