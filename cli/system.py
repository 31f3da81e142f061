"""`resell migrate` and `resell api`."""

from typing import Annotated

import typer

from cli.failures import Failure


def add_commands(app: typer.Typer) -> None:
    app.command()(migrate)
    app.command()(api)


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
        typer.echo(f"schema: {after}, nothing to do")
    else:
        typer.echo(f"schema: {before or '(none)'} → {after}")


def api(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: RESELL_API_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on (default: RESELL_API_PORT)")] = None,
) -> None:
    """Run the storefront API, until it is told to stop."""
    from settings import load_settings
    from storefront.server import serve

    settings = load_settings()
    changes = {"api_host": host, "api_port": port}
    serve(settings.model_copy(update={name: value for name, value in changes.items() if value is not None}))
