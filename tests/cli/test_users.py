"""`resell users`: people added with a password that is shown once, listed without it, changed, disabled."""

from pathlib import Path

from models.database import Database
from orders.access import people
from tests.cli.shell import Shell


async def logged_in(shell: Shell, name: str, password: str) -> bool:
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    try:
        await people.log_in(database, name, password)
    except people.WrongPassword:
        return False
    finally:
        await database.close()
    return True


async def test_a_person_is_added_changed_and_disabled(shell: Shell, tmp_path: Path) -> None:
    made = (await shell.resell("users", "add", "olga", "--role", "senior", "--actor", "ann")).done()
    [password] = made.lines
    assert len(password) >= 24
    assert "olga (senior) can log in" in made.err
    assert await logged_in(shell, "olga", password)
    (await shell.resell("users", "add", "olga", "--role", "viewer")).failed("olga exists already")

    file = tmp_path / "password"
    file.write_text("several words of mine\n")
    (await shell.resell("users", "password", "olga", "--password-file", file)).done()
    assert await logged_in(shell, "olga", "several words of mine")
    assert not await logged_in(shell, "olga", password)
    (await shell.resell("users", "role", "olga", "operator")).done()
    listed = (await shell.resell("users", "list")).done()
    assert listed.lines[1].split()[:4] == ["1", "olga", "operator", "valid"]
    assert "argon2" not in (await shell.resell("users", "list", "--json")).done().out
    (await shell.resell("users", "disable", "olga", "--actor", "ann")).done()
    assert "by ann" in (await shell.resell("users", "list")).done().lines[1]
    assert not await logged_in(shell, "olga", "several words of mine")
    (await shell.resell("users", "enable", "olga")).done()
    assert await logged_in(shell, "olga", "several words of mine")


async def test_a_person_has_a_department_of_the_catalogue(stocked_shell: Shell) -> None:
    resell = stocked_shell.resell
    (await resell("users", "add", "olga", "--role", "senior", "--department", "support")).done()
    (await resell("users", "add", "boris", "--role", "operator")).done()
    listed = {one["name"]: one["department"] for one in (await resell("users", "list", "--json")).json["items"]}
    assert listed == {"olga": "support", "boris": None}
    said = (await resell("users", "department", "boris", "support")).done().out
    assert said == "boris is in the department support from now on\n"
    assert (await resell("users", "list")).done().lines[1].split()[:4] == [
        "2",
        "boris",
        "operator",
        "support",
    ]
    assert "has no department" in (await resell("users", "department", "boris", "")).done().out
    for command in (("department", "olga", "supprot"), ("add", "vera", "--role", "viewer", "--department", "supprot")):
        (await resell("users", *command)).failed("the departments are")
    (await resell("users", "department", "nobody", "support")).failed("there is no person nobody")


async def test_what_is_refused_names_the_field(shell: Shell, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("short\n")
    (await shell.resell("users", "add", "vera", "--role", "viewer", "--password-file", short)).failed("12 to 1024")
    (await shell.resell("users", "add", "vera", "--role", "viewer", "--department", "support")).failed(
        "no catalogue has been loaded yet"
    )
    (await shell.resell("users", "add", "vera", "--role", "storefront")).failed("a person is viewer, operator")
    gone = tmp_path / "gone"
    (await shell.resell("users", "password", "vera", "--password-file", gone)).failed("can't be read")
    for command in (("password",), ("disable",), ("enable",)):
        (await shell.resell("users", *command, "nobody")).failed("there is no person nobody")
    shell.variables["RESELL_OPERATOR_TOKENS"] = "ann=of-an-admin"
    (await shell.resell("users", "add", "ann", "--role", "viewer")).failed("a name has one role")


async def test_a_token_and_a_person_of_one_name_have_one_role(shell: Shell) -> None:
    (await shell.resell("users", "add", "olga", "--role", "senior")).done()
    (await shell.resell("tokens", "add", "olga", "--role", "storefront")).failed(
        "olga is a person with the role senior"
    )
    (await shell.resell("tokens", "add", "olga", "--role", "senior")).done()
    (await shell.resell("users", "role", "olga", "viewer")).failed("a name has one role")
