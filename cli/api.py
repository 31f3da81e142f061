"""`resell --api URL`: the commands work over the API of another installation, with a token instead of its database."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import Failure

if TYPE_CHECKING:
    from resellflow_client import AsyncClient

WORKS = frozenset(
    {"order", "quote", "services", "operations", "tasks", "incidents", "refunds", "forecast", "events", "plans",
     "upstreams", "prolong", "suspend", "resume", "close", "change", "change-plan"}
)  # fmt: skip
"""The commands that have a counterpart in the API."""
TOKEN = "RESELL_API_TOKEN"  # noqa: S105 - the name of a variable

Address = Annotated[
    str | None,
    typer.Option(
        "--api",
        metavar="URL",
        envvar="RESELL_API_URL",
        help="work over this API instead of the database, with the token of RESELL_API_TOKEN or --api-token-file. "
        f"For: {', '.join(sorted(WORKS))}",
    ),
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", envvar="RESELL_API_TOKEN_FILE", help="the file that holds the token for --api, on one line"
    ),
]


@dataclass(frozen=True)
class Api:
    """Where the API is. `token_file`: None for the variable."""

    address: str
    token_file: str | None

    def token(self) -> str:
        """Raises Failure."""
        if self.token_file is None:
            if token := os.environ.get(TOKEN, "").strip():
                return token
            raise Failure(f"--api needs a token: set {TOKEN}, or name a file with --api-token-file")
        try:
            return Path(self.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise Failure(f"--api-token-file: {self.token_file} can't be read: {why}") from None


_chosen: ContextVar[Api | None] = ContextVar("api", default=None)


def _say_version(wanted: bool) -> None:
    from models.migrations import NEWEST_REVISION
    from program_version import in_words

    if wanted:
        print(f"resell {in_words()}, schema {NEWEST_REVISION}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        callback=_say_version,
        is_eager=True,
        help="say the version, commit and schema, and do nothing else",
    ),
]


def choose(
    context: typer.Context, api: Address = None, api_token_file: TokenFile = None, version: Version = False
) -> None:
    """What stands before the command. Raises Failure for a command that the API has no counterpart of."""
    _chosen.set(Api(api.strip(), api_token_file) if api and api.strip() else None)
    if chosen() and context.invoked_subcommand not in WORKS:
        raise _needs_database(f"resell {context.invoked_subcommand}")


def chosen() -> Api | None:
    """None: the commands work on the database."""
    return _chosen.get()


def check_not_chosen() -> None:
    """Raises Failure where a part of a command needs the database, and works over an API."""
    if chosen():
        raise _needs_database("this command")


def _needs_database(what: str) -> Failure:
    return Failure(f"{what} needs the database: leave out --api (RESELL_API_URL), and run it where the database is")


@asynccontextmanager
async def opened_client(api: Api) -> AsyncIterator["AsyncClient"]:
    """Raises Failure for an address or a token that can be none."""
    from resellflow_client import AsyncClient

    try:
        client = AsyncClient(api.address, api.token())
    except ValueError as error:
        raise Failure(f"--api: {error}") from error
    async with client:
        yield client
