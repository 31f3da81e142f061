"""`resell migrate`, `resell api` and `resell codec-server`."""

import asyncio
import sys
from typing import Annotated

import typer

from cli.failures import Failure, in_words
from models.untrusted_text import visible_lines


def add_commands(app: typer.Typer) -> None:
    app.command()(migrate)
    app.command()(api)
    app.command("codec-server")(codec_server)


CANT_BE_ASKED = 3
"""The exit status of `resell migrate --check` if nobody knows the schema."""


def migrate(
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="change nothing; status 0: the schema is the one of this program, 1: it is older or newer, "
            "3: the database can't be asked, or the settings are wrong",
        ),
    ] = False,
    or_newer: Annotated[
        bool, typer.Option("--or-newer", help="with --check: status 0 also if a newer program has migrated it")
    ] = False,
) -> None:
    """Bring the database's schema up to date. Safe to run at every start."""
    from models import migrate as migrations
    from settings import load_settings

    if or_newer and not check:
        raise Failure("--or-newer says what --check takes for right; give both")
    if check:
        return _check_schema(or_newer)
    url = load_settings().database_url
    try:
        before, after = migrations.migrate(url)
    except ValueError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"the database's directory can't be made: {error}") from error
    if before != after:
        print(f"schema: {before or '(none)'} → {after}")
    elif migrations.standing_of(after) is migrations.Standing.AHEAD:
        print(f"schema: {_newer(after)}; nothing to do")
    else:
        print(f"schema: {after}, nothing to do")
    return None


def _check_schema(or_newer: bool) -> None:
    from models.migrate import Standing, revision_of, standing_of
    from models.migrations import NEWEST_REVISION
    from settings import load_settings

    try:
        revision = revision_of(load_settings().database_url)
    except Exception as error:  # what has no sentence is raised again
        sentence = in_words(error) or (str(error) if isinstance(error, ValueError) else None)
        if sentence is None:
            raise
        print(f"resell: the schema is not known: {visible_lines(sentence)}", file=sys.stderr)
        raise typer.Exit(CANT_BE_ASKED) from error
    match standing_of(revision):
        case Standing.CURRENT:
            print(f"schema: {revision}, as this program needs it")
        case Standing.AHEAD if or_newer:
            print(f"schema: {_newer(str(revision))}")
        case Standing.AHEAD:
            raise Failure(f"the schema of the database is {_newer(str(revision))}; install the version that made it so")
        case Standing.BEHIND:
            there = f"is at {revision}" if revision else "is not there yet"
            raise Failure(
                f"the schema of the database {there}, this program needs {NEWEST_REVISION}: run `resell migrate`"
            )


def _newer(revision: str) -> str:
    from models.migrations import NEWEST_REVISION

    return f"{revision}, which is newer than the newest of this program, {NEWEST_REVISION}"


def api(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: RESELL_API_HOST)")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="port to listen on (default: RESELL_API_PORT)")
    ] = None,
) -> None:
    """Run the storefront API until it is stopped."""
    from models.database import normalise_url
    from settings import load_settings
    from telemetry import tracing

    settings = load_settings()
    try:
        normalise_url(settings.database_url)
    except ValueError as error:
        raise Failure(str(error)) from error
    settings.configure_logging()
    from storefront.server import NoMetrics, serve  # what libraries warn of meanwhile is a line of the log

    try:
        tracing.start("api")
    except tracing.TracingUnavailable as error:
        raise Failure(str(error)) from error
    where = host or settings.api_host, settings.api_port if port is None else port
    try:
        asyncio.run(serve(settings, *where))
    except NoMetrics as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"the API can't listen on {where[0]}:{where[1]}: {error.strerror or error}") from error


def codec_server(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: RESELL_CODEC_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on (default: RESELL_CODEC_PORT)")] = None,
) -> None:
    """Decrypt workflow data for Temporal UI and the temporal program, until it is stopped."""
    from settings import load_settings
    from storefront.codecserver import CodecServerError, serve_codec

    settings = load_settings()
    settings.configure_logging()
    where = host or settings.codec_host, settings.codec_port if port is None else port
    try:
        asyncio.run(serve_codec(settings, *where))
    except CodecServerError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"the codec server can't listen on {where[0]}:{where[1]}: {error.strerror or error}") from error
