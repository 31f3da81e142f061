"""`resell tokens`: who may use the API, in which role; make a token, and take one back."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.exporting import Format, write_rows
from cli.listing import HIGHEST_NUMBER
from cli.printing import Column, number, print_json, print_table, shown, whole
from cli.session import AsJson, acting_as, opened_database, run_async
from models.enums import Role
from settings import Settings, load_settings

if TYPE_CHECKING:
    from models.tokens import ApiToken
    from orders.access.tokens import NewToken

OF_SETTINGS = "settings"
SECONDS = 3
"""Until every API process knows it (`storefront.callers.REFRESH_SECONDS`)."""


def add_commands(app: typer.Typer) -> None:
    about = "Tokens of the API: who may use it, in which role; add and revoke tokens."
    group = typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_all)
    group.command()(add)
    group.command()(revoke)
    app.add_typer(group, name="tokens")


def list_all(
    revoked: Annotated[bool, typer.Option("--all", help="also revoked tokens")] = False,
    written: Format = None,
    as_json: AsJson = False,
) -> None:
    """List the tokens of the database, and the names of those in this process's settings. No token itself is shown."""
    settings = load_settings()
    found = run_async(_tokens(settings, revoked))
    of_settings = [(name, role) for name, role, _ in settings.callers()]
    document = [one.model_dump(mode="json", exclude={"digest"}) for one in found]
    named = [{"name": name, "role": role, "from": OF_SETTINGS} for name, role in of_settings]
    if written is not None:
        from models.tokens import ApiToken

        return write_rows(
            [*(one for one in ApiToken.model_fields if one != "digest"), "from"], document + named, written
        )
    if as_json:
        return print_json({"items": document, "settings": named})
    columns = [number("number"), Column("name"), whole("role"), whole("state"), whole("made (UTC)"), Column("by"),
               whole("last used (UTC)")]  # fmt: skip
    rows: list[list[object]] = [
        [one.id, one.name, one.role.value, _state(one), one.created_at, one.created_by, one.last_used_at or "never"]
        for one in found
    ]
    rows += [["", name, role.value, "valid", "", OF_SETTINGS, ""] for name, role in of_settings]
    return print_table(columns, rows, nothing="no tokens: nobody may use the API; make one: resell tokens add")


def _state(token: "ApiToken") -> str:
    return "valid" if token.revoked_at is None else f"revoked {shown(token.revoked_at)} by {token.revoked_by}"


async def _tokens(settings: Settings, revoked: bool) -> "list[ApiToken]":
    from orders.access.tokens import all_tokens

    async with opened_database(settings) as database, database.read() as session:
        return await all_tokens(session, revoked=revoked)


def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="the name of the storefront or person; the audit log shows it")
    ],
    role: Annotated[Role, typer.Option(metavar="ROLE", help=f"what it may do: {', '.join(Role)}")],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, only now. A name may have two tokens, so that one can replace the other."""
    made = run_async(_added(name.strip(), role, acting_as(actor)))
    if as_json:
        document = {"number": made.number, "name": name.strip(), "role": role, "token": made.secret, "owns": made.owns}
        return print_json(document)
    print(made.secret)
    return print(
        f"token {made.number} of {name.strip()} ({role.value}), valid within {SECONDS} seconds. It is shown this once "
        f"and kept nowhere.{_what_it_sees(name.strip(), role, made.owns)}",
        file=sys.stderr,
    )


def _what_it_sees(name: str, role: Role, owned: int) -> str:
    """A name that was used before sees what it had: that is meant where a token is replaced, and else a mistake."""
    return f" {name} owns {owned} services, which it sees." if role is Role.STOREFRONT and owned else ""


async def _added(name: str, role: Role, actor: str) -> "NewToken":
    from orders.access import tokens

    settings = load_settings()
    async with opened_database(settings) as database, database.write() as session:
        return await tokens.add(session, name, role, actor=actor, of_settings=roles_of_settings(settings))


def roles_of_settings(settings: Settings) -> Mapping[str, list[Role]]:
    return settings.roles_by_name()


def revoke(
    token: Annotated[
        int, typer.Argument(metavar="N", help="number of the token (`resell tokens list`)", max=HIGHEST_NUMBER)
    ],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token, so that it is not valid any more. What its owner has ordered stays, and stays theirs."""
    row = run_async(_revoked(token, acting_as(actor)))
    if as_json:
        return print_json({"number": row.id, "name": row.name, "role": row.role, "revoked_at": row.revoked_at})
    return print(f"token {row.id} of {row.name} is revoked; within {SECONDS} seconds it lets nobody in any more")


async def _revoked(token: int, actor: str) -> "ApiToken":
    from orders.access import tokens
    from orders.errors import existing

    async with opened_database() as database, database.write() as session:
        return await tokens.revoke(session, existing(tokens.NOUN, token), actor=actor)
