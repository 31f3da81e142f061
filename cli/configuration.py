"""`resell settings`: which settings this environment has, and whether they are right."""

import asyncio
import difflib
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import Failure

if TYPE_CHECKING:
    from models.database import Database
    from settings import Settings

PATIENCE_SECONDS = 5.0
PREFIX = "RESELL_"
OF_OTHERS = ("RESELL_STACK_", "RESELL_TEST_")
"""Beginnings of variables that the embedded stack and the tests read."""
OF_COMPOSE = frozenset({"RESELL_API_PUBLISH"})
"""Variables of docker-compose.yml."""
OF_COMMANDS = frozenset({"RESELL_API_URL", "RESELL_API_TOKEN", "RESELL_API_TOKEN_FILE"})
"""Variables that choose what the commands work on: docs/operations.md, the commands over the API."""
ADDRESSES = ("worker_health_address", "metrics_api_address", "metrics_temporal_address")
ENOUGH_ALIKE = 0.75


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Right in some cases; a person knows."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    words: str


def add_commands(app: typer.Typer) -> None:
    app.command("settings")(settings_command)


def settings_command(
    check: Annotated[
        bool, typer.Option("--check", help="check them all, and whether database, Temporal and ports can be used")
    ] = False,
) -> None:
    """List the settings that are not at their defaults. Secrets are not shown."""
    if not check:
        _list()
        return
    found = asyncio.run(_check())
    for one in found:
        print(f"{one.verdict:<6} {one.words}")
    wrong = sum(one.verdict is Verdict.WRONG for one in found)
    if wrong:
        raise Failure(f"{wrong} of {len(found)} findings are wrong")


def _list() -> None:
    from environment import FILES
    from settings import load_settings

    settings = load_settings()
    for name in sorted(settings.model_fields_set):
        value = "(a secret)" if name in FILES else getattr(settings, name)
        print(f"{PREFIX}{name.upper()}={value}")


async def _check() -> list[Finding]:
    from pydantic import ValidationError

    from settings import load_settings, wrong_settings

    try:
        settings = load_settings()
    except ValidationError as error:
        wrong = [Finding(Verdict.WRONG, one) for one in wrong_settings(error)]
        return [*wrong, *_traces(), *_temporal_variables(), *_unknown(())]
    found = [Finding(Verdict.OK, "every setting has a value that can be")]
    found += _key_files(settings)
    found += _notifications(settings)
    found += _traces()
    found += _turns(settings)
    found += _ports(settings)
    database, named = await _database(settings)
    found += [*database, await _temporal(settings), *_unknown(named)]
    return found


def _unknown(named_by_the_catalogue: Iterable[str]) -> Iterator[Finding]:
    """Variables that look like ours and that nobody reads, with the setting that may be meant."""
    from environment import FILES
    from settings import Settings

    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in FILES} | OF_COMPOSE | OF_COMMANDS
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(OF_OTHERS) or name in named_by_the_catalogue:
            continue
        endings = {one.removeprefix(PREFIX) for one in known}  # what all have in common makes nothing alike
        alike = difflib.get_close_matches(name.removeprefix(PREFIX), endings, n=1, cutoff=ENOUGH_ALIKE)
        meant = f"; is {PREFIX}{alike[0]} meant?" if alike else ""
        yield Finding(Verdict.WRONG, f"{ascii(name)[1:-1]}: there is no such setting{meant}")


def _key_files(settings: "Settings") -> Iterator[Finding]:
    from environment import without_values
    from payloads.keyfile import KeyFileError, read_key_file

    for name in ("payload_key_file", "webhook_key_file"):
        file = getattr(settings, name)
        if not file:
            continue
        try:
            read_key_file(file)
        except KeyFileError as error:
            yield Finding(Verdict.WRONG, without_values(f"{PREFIX}{name.upper()}: {error}"))
        else:
            yield Finding(Verdict.OK, f"{PREFIX}{name.upper()}: its keys can be read")


def _notifications(settings: "Settings") -> Iterator[Finding]:
    from environment import without_values
    from orders.notifications.channels import ChannelsFileError, read_channels

    if not settings.notifications_file:
        return
    try:
        read_channels(settings.notifications_file)
    except ChannelsFileError as error:
        yield Finding(Verdict.WRONG, without_values(f"{PREFIX}NOTIFICATIONS_FILE: {error}"))
    else:
        yield Finding(Verdict.OK, f"{PREFIX}NOTIFICATIONS_FILE: its channels can be read")


def _traces() -> Iterator[Finding]:
    from telemetry import tracing

    try:
        tracing.check()
    except tracing.TracingUnavailable as error:
        yield Finding(Verdict.WRONG, str(error))


def _turns(settings: "Settings") -> Iterator[Finding]:
    connections = settings.database_pool + settings.database_pool_more
    if settings.api_at_once > connections:
        words = (
            f"RESELL_API_AT_ONCE is {settings.api_at_once} and the API has {connections} connections to the database"
        )
        allowed = "RESELL_DATABASE_POOL and RESELL_DATABASE_POOL_MORE together"
        yield Finding(Verdict.NOTE, f"{words} ({allowed}): requests wait for one, or are answered with 503")


def _ports(settings: "Settings") -> Iterator[Finding]:
    addresses = {"RESELL_API_HOST and RESELL_API_PORT": (settings.api_host, settings.api_port)}
    for name in ADDRESSES:
        host, _, port = getattr(settings, name).rpartition(":")
        if port:
            addresses[f"{PREFIX}{name.upper()}"] = (host.strip("[]") or "127.0.0.1", int(port))
    for name, address in addresses.items():
        yield _port(name, address)
    fixed = [address for address in addresses.values() if address[1]]
    for address in sorted(set(fixed)):
        if fixed.count(address) > 1:
            same = " and ".join(name for name, one in addresses.items() if one == address)
            yield Finding(Verdict.WRONG, f"{same}: the same port {address[1]}; each needs its own")


def _port(name: str, address: tuple[str, int]) -> Finding:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        cause = (error.strerror or str(error)).partition(" (")[0]
        taken = f"can't listen there now ({cause}): right if this installation runs, otherwise choose another port"
        return Finding(Verdict.NOTE, f"{name}: {taken}")
    return Finding(Verdict.OK, f"{name}: free")


async def _database(settings: "Settings") -> tuple[list[Finding], set[str]]:
    """And the variables that its catalogue names."""
    from models.database import Database
    from models.readiness import Readiness

    readiness = Readiness(settings.database_url)
    try:
        outage = await readiness.outage()
    finally:
        await readiness.close()
    if outage is not None:
        return [Finding(Verdict.WRONG, f"{outage.words} (RESELL_DATABASE_URL)")], set()
    database = Database(settings.database_url)
    try:
        secrets, named = await _secrets(database)
    finally:
        await database.close()
    return [Finding(Verdict.OK, "the database answers, and takes orders"), *secrets], named


async def _secrets(database: "Database") -> tuple[list[Finding], set[str]]:
    """Look for the secrets of the accounts and webhooks in the database. Each process needs only its part of them."""
    from sqlmodel import select

    from models.catalogue import UpstreamAccount
    from models.webhooks import WebhookEndpoint
    from upstreams.connections import settings_of
    from upstreams.errors import ConnectionUnhealthy

    async with database.read() as session:
        accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
        endpoints = (await session.exec(select(WebhookEndpoint).order_by(WebhookEndpoint.name))).all()
    found: list[Finding] = []
    wanted: list[tuple[str, str | None, str | None]] = []
    for account in accounts:
        try:
            source = settings_of(account)[1].secret
        except ConnectionUnhealthy as error:
            found.append(Finding(Verdict.WRONG, str(error)))
            continue
        wanted.append((f"upstream {account.name}: its {source.word}", source.env, source.file))
        if account.hint_secret_env or account.hint_secret_file:
            hints = f"upstream {account.name}: its secret of push hints"
            wanted.append((hints, account.hint_secret_env, account.hint_secret_file))
    for one in endpoints:
        if one.secret_env or one.secret_file:
            wanted.append((f"webhook {one.name}: its secret", one.secret_env, one.secret_file))
    found += [_secret(*one) for one in wanted]
    return found, {env for _, env, _ in wanted if env}


def _secret(what: str, env: str | None, file: str | None) -> Finding:
    from upstreams.secrets import SecretMissing, read_secret

    try:
        read_secret(what, env=env, file=file)
    except SecretMissing as missing:
        return Finding(Verdict.WRONG, str(missing))
    return Finding(Verdict.OK, f"{what} can be read")


def _temporal_variables() -> Iterator[Finding]:
    from temporalconfig import TemporalMisconfigured, connect_config

    try:
        connect_config()
    except TemporalMisconfigured as error:
        yield Finding(Verdict.WRONG, str(error))


async def _temporal(settings: "Settings") -> Finding:
    from temporalio.service import RPCError

    from payloads.keyfile import KeyFileError
    from temporal.client import connect_client
    from temporalconfig import TemporalMisconfigured

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            client = await connect_client(settings, lazy=True)
            await client.service_client.check_health(timeout=timedelta(seconds=PATIENCE_SECONDS))
    except TemporalMisconfigured as error:
        return Finding(Verdict.WRONG, str(error))
    except KeyFileError:
        return Finding(Verdict.NOTE, "Temporal was not asked: the keys of the payloads can't be read")
    except (TimeoutError, RPCError, RuntimeError, OSError):
        return Finding(Verdict.WRONG, "Temporal does not answer (TEMPORAL_ADDRESS)")
    return Finding(Verdict.OK, f"Temporal answers; namespace {client.namespace}")
