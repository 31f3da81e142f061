"""`resell users`: who may log in at the console, in which role; new passwords; who may not any more."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.exporting import Format, write_rows
from cli.failures import Failure
from cli.printing import Column, number, print_json, print_table, shown, whole
from cli.session import AsJson, acting_as, opened_database, run_async
from cli.tokens import roles_of_settings
from models.enums import Role
from settings import load_settings

if TYPE_CHECKING:
    from models.people import Person

FIELDS = ("number", "name", "role", "department", "state", "last_login_at", "created_at", "created_by")
GENERATED_BYTES = 18
STAFF = [role for role in Role if role is not Role.STOREFRONT]

Name = Annotated[str, typer.Argument(metavar="NAME", help="the name to log in with; the audit log shows it")]
RoleOption = Annotated[Role, typer.Option(metavar="ROLE", help=f"what this person may do: {', '.join(STAFF)}")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="read the password from this file, or from the standard input (-); left out: "
                 "one is made and shown once"),
]  # fmt: skip


def add_commands(app: typer.Typer) -> None:
    about = "People who may log in at the console: add, disable, new passwords."
    group = typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_all)
    for command in (add, password, role, department, disable, enable):
        group.command()(command)
    app.add_typer(group, name="users")


def list_all(written: Format = None, as_json: AsJson = False) -> None:
    """List everybody who can log in, or could."""
    found = [_document(one) for one in run_async(_everybody())]
    if written is not None:
        return write_rows(FIELDS, found, written)
    if as_json:
        return print_json({"items": found})
    columns = [number("number"), Column("name"), whole("role"), Column("department"), whole("state"),
               whole("last log-in (UTC)"), whole("made (UTC)"), Column("by")]  # fmt: skip
    rows: list[list[object]] = [
        [*(one[name] for name in FIELDS[:5]), one["last_login_at"] or "never", one["created_at"], one["created_by"]]
        for one in found
    ]
    return print_table(columns, rows, nothing="nobody can log in; add somebody: resell users add")


def _document(person: "Person") -> dict[str, object]:
    from models.columns import utc_now

    state = "valid"
    if person.locked_until is not None and person.locked_until > utc_now():
        state = f"locked until {shown(person.locked_until)}"
    if person.disabled_at is not None:
        state = f"disabled {shown(person.disabled_at)} by {person.disabled_by}"
    return {
        "number": person.id,
        "name": person.name,
        "role": person.role.value,
        "department": person.department or None,
        "state": state,
        "last_login_at": person.last_login_at,
        "created_at": person.created_at,
        "created_by": person.created_by,
    }


async def _everybody() -> "list[Person]":
    from orders.access.people import all_people

    async with opened_database() as database, database.read() as session:
        return await all_people(session)


def add(
    name: Name,
    role: RoleOption,
    department: Annotated[str, typer.Option(help="whose tasks this person is shown; one of the catalogue's")] = "",
    password_file: PasswordFile = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Add a person. The password is shown only now; the person can change it in the console."""
    given, word = _password(password_file)

    async def added() -> "Person":
        from orders.access import people

        settings = load_settings()
        async with opened_database(settings) as database:
            of_settings = roles_of_settings(settings)
            return await people.add(
                database, name.strip(), role, word, actor=acting_as(actor), of_settings=of_settings,
                department=department,
            )  # fmt: skip

    made = run_async(added())
    _show_password(given, word, as_json, {"number": made.id, "name": made.name, "role": made.role},
                   f"{made.name} ({made.role.value}) can log in at /console.")  # fmt: skip


def password(name: Name, password_file: PasswordFile = None, actor: Actor = None, as_json: AsJson = False) -> None:
    """Give a person a new password. It ends their sessions, and unlocks the name."""
    given, word = _password(password_file)

    async def changed() -> None:
        from orders.access import people

        async with opened_database() as database:
            await people.change_password(database, name.strip(), word, actor=acting_as(actor))

    run_async(changed())
    _show_password(given, word, as_json, {"name": name.strip()}, f"{name.strip()} has a new password.")


def role(name: Name, role: Annotated[Role, typer.Argument(metavar="ROLE", help=f"{', '.join(STAFF)}")],
         actor: Actor = None) -> None:  # fmt: skip
    """Give a person another role. It counts from their next request on."""

    async def changed() -> None:
        from orders.access import people

        settings = load_settings()
        async with opened_database(settings) as database:
            of_settings = roles_of_settings(settings)
            await people.change_role(database, name.strip(), role, actor=acting_as(actor), of_settings=of_settings)

    run_async(changed())
    print(f"{name.strip()} has the role {role.value} from now on")


def department(
    name: Name,
    department: Annotated[str, typer.Argument(metavar="DEPARTMENT", help="one of the catalogue's; '' for none")],
    actor: Actor = None,
) -> None:
    """Say whose tasks a person is shown as those of their department. It counts from their next request on."""

    async def changed() -> None:
        from orders.access import people

        async with opened_database() as database:
            await people.change_department(database, name.strip(), department, actor=acting_as(actor))

    run_async(changed())
    print(f"{name.strip()} {f'is in the department {department}' if department else 'has no department'} from now on")


def disable(name: Name, actor: Actor = None) -> None:
    """Let a person log in no longer. Their sessions end at once; what they did stays in the audit log."""
    _set_disabled(name.strip(), True, actor)
    print(f"{name.strip()} can't log in any more")


def enable(name: Name, actor: Actor = None) -> None:
    """Let a disabled person log in again, with the same password. It also unlocks a locked name."""
    _set_disabled(name.strip(), False, actor)
    print(f"{name.strip()} can log in")


def _set_disabled(name: str, disabled: bool, actor: str | None) -> None:
    async def changed() -> None:
        from orders.access import people

        async with opened_database() as database:
            await people.set_disabled(database, name, disabled, actor=acting_as(actor))

    run_async(changed())


def _password(file: Path | None) -> tuple[bool, str]:
    """Whether it was given, and the password."""
    if file is None:
        return False, secrets.token_urlsafe(GENERATED_BYTES)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"--password-file {file}: can't be read: {error}") from None
    return True, text.rstrip("\r\n")


def _show_password(given: bool, word: str, as_json: bool, document: dict[str, object], words: str) -> None:
    if as_json:
        return print_json(document if given else {**document, "password": word})
    if given:
        return print(words)
    print(word)
    return print(f"{words} The password is shown this once and kept nowhere.", file=sys.stderr)
