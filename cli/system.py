"""`resell migrate`, `resell api` and `resell codec-server`."""

import asyncio
import logging
from typing import Annotated

import typer

from cli.failures import Failure


def add_commands(app: typer.Typer) -> None:
    app.command()(migrate)
    app.command()(api)
    app.command("codec-server")(codec_server)


def migrate() -> None:
    """Bring the database's schema up to date. Safe to run at every start."""
    from models import migrate as migrations
    from settings import load_settings

    url = load_settings().database_url
    try:
        before, after = migrations.migrate(url)
    except ValueError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"the database's directory can't be made: {error}") from error
    if before == after:
        print(f"schema: {after}, nothing to do")
    else:
        print(f"schema: {before or '(none)'} → {after}")


def api(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: RESELL_API_HOST)")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="port to listen on (default: RESELL_API_PORT)")
    ] = None,
) -> None:
    """Run the storefront API until it is stopped."""
    from models.database import normalise_url
    from settings import load_settings
    from storefront.server import NoMetrics, serve

    settings = load_settings()
    try:
        normalise_url(settings.database_url)
    except ValueError as error:
        raise Failure(str(error)) from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    where = host or settings.codec_host, settings.codec_port if port is None else port
    try:
        asyncio.run(serve_codec(settings, *where))
    except CodecServerError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"the codec server can't listen on {where[0]}:{where[1]}: {error.strerror or error}") from error
