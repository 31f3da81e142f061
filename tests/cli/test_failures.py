"""What goes wrong is one sentence on standard error and a status, never a traceback."""

import asyncio
import shlex

import pytest

from tests.cli.shell import Shell
from tests.infrastructure.processes import free_port


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://127.0.0.1:1/resell", "the database can't be reached (RESELL_DATABASE_URL)"),
        ("sqlite:////nowhere/resellflow.db", "there is no database /nowhere/resellflow.db yet"),
        ("mysql://db.example.com/resell", "is not supported; use sqlite:///FILE or postgresql://"),
        ("sqlite://", "names no file of SQLite; write sqlite, a colon, three slashes (four for"),
        ("sqlite:///", "names no file of SQLite"),
        ("sqlite:///:memory:", "names no file of SQLite"),
        ("sqlite://var/resellflow.db", "names no file of SQLite"),
        ("sqlite:////srv/resellflow.db?mode=ro", "names no file of SQLite"),
        ("secret-nonsense", "is not an address; use sqlite:///FILE or postgresql://"),
    ],
)
async def test_a_database_that_is_not_there(shell: Shell, url: str, sentence: str) -> None:
    shell.variables["RESELL_DATABASE_URL"] = url
    run = (await shell.resell("services")).failed(sentence)
    assert "secret-nonsense" not in run.err


async def test_a_wrong_setting_is_named_and_its_value_kept_secret(shell: Shell) -> None:
    shell.variables["RESELL_OPERATOR_TOKENS"] = "anna=s3cr3t"
    run = (await shell.resell("services")).failed("RESELL_OPERATOR_TOKENS: ")
    assert "s3cr3t" not in run.err


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("order NOPE --customer jane --period 1", "there is no tariff plan 'NOPE'"),
        ("order VDS-1 --customer jane --period 6", "period_months: 'VDS-1' can't be had for 6 months; only for 1, 12"),
        ("order VDS-1 --customer jane --period 1 --domain x", "domain: 'x' is not a full domain name"),
        ("order VDS-1 --customer jane --period 1 --param os=x", "parameters.os: unknown parameter"),
        ("order VDS-1 --customer jane --period 1 --addon disk=1", "addons.disk: unknown add-on; known: ram"),
        ("order VDS-1 --customer jane --period 1 --addon ram=much", "addons.ram: 'much' is not a quantity"),
        ("order VDS-1 --customer jane --period 1 --addon ram=-1", "addons.ram: a quantity is zero or more"),
        ("operations show 7", "there is no operation 7"),
        ("operations wait 7", "there is no operation 7"),
        ("operations cancel 7 --reason no", "there is no operation 7"),
        ("operations --upstream x", "there is no upstream 'x'"),
        ("operations --cursor x", "cursor: is not one that this list gave"),
        ("services show 7", "there is no service 7"),
        ("services --plan x", "there is no tariff plan 'x'"),
        ("tasks show 7", "there is no task 7"),
        ("tasks take 7", "there is no task 7"),
        ("tasks complete 7 --note done", "there is no task 7"),
        ("tasks take 7 --actor ' '", "actor: is blank"),
        ("tasks --older-than soon", "older_than: 'soon' is not a number of minutes, hours or days"),
        ("prolong 7 --period 1", "there is no service 7"),
        ("suspend 7 --urgent", "there is no service 7"),
        ("close 7", "there is no service 7"),
        ("change 7", "there is no service 7"),
        ("change-plan 7 VDS-1", "there is no service 7"),
        ("orphans x", "there is no upstream x"),
        ("upstream check x", "there is no upstream account x"),
    ],
)
async def test_what_can_not_be_is_said(stocked_shell: Shell, command: str, sentence: str) -> None:
    (await stocked_shell.resell(*shlex.split(command))).failed(sentence)


@pytest.mark.parametrize(
    "command",
    [
        "frob",
        "setup",
        "order VDS-1 --period 1",
        "order VDS-1 --customer jane --period one",
        "order VDS-1 --customer jane --period 1 --param template",
        "order VDS-1 --customer jane --period 1 --addon ram",
        "operations --stage lost",
        "operations --limit 0",
        "operations cancel 1",
        "prolong 1",
        "change 1 --addon ram",
        "tasks reject 1",
        "tasks hand-over 1",
        "operations correct 1 --reason x",
    ],
)
async def test_wrong_usage_has_a_status_of_its_own(shell: Shell, command: str) -> None:
    run = await shell.resell(*command.split())
    assert run.status == 2
    assert "Usage: resell" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("archive --to . --before yesterday", "--before"),
        ("services --expires-after 28.11.2026", "--expires-after"),
        ("services --expires-before 2026-02-30", "--expires-before"),
        ("tasks complete 1 --expires-on soon", "--expires-on"),
    ],
)
async def test_what_is_no_day_is_refused_with_one_that_is(shell: Shell, command: str, option: str) -> None:
    run = await shell.resell(*command.split())
    assert run.status == 2
    assert f"Invalid value for '{option}': '{command.split()[-1]}' is no day. 2026-11-28 is right" in run.err


async def test_without_temporal_an_order_is_accepted_and_cancelled(stocked_shell: Shell) -> None:
    shell = stocked_shell
    order = ("order", "VDS-1", "--customer", "jane", "--period", 1, "--key", "cart-1")
    placed = (await shell.resell(*order)).done()
    assert placed.lines == [
        "service 1, operation 1 (key cart-1)",
        "accepted, and not begun yet: it starts in a moment, or when Temporal is back; "
        "look again with: resell operations show 1",
    ]
    again = (await shell.resell(*order, "--json")).done()
    assert (again.json["operation"], again.json["created"], again.json["stage"]) == (1, False, "accepted")
    other = ("order", "VDS-1", "--customer", "joe", "--period", 1, "--key", "cart-1")
    (await shell.resell(*other)).failed("'cart-1' was used for operation 1 with another body")
    (await shell.resell("operations", "retry", 1, "--reason", "x")).failed("retry is possible in: needs_attention")
    (await shell.resell("operations", "cancel", 1, "--reason", "x")).done()
    (await shell.resell("operations", "cancel", 1, "--reason", "x")).failed("operation 1 is in stage cancelled")


async def test_help_explains_every_command_and_is_quick(shell: Shell) -> None:
    # Really started: `python -m cli` as its user does it.
    run = await shell.process("--help", program=("-X", "importtime", "-m", "cli"), forked=False)
    assert run.status == 0
    for command in ("migrate", "setup", "upstream", "order", "services", "operations", "tasks", "orphans", "api"):
        assert f"\n  {command} " in run.out
    for heavy in ("temporalio", "sqlmodel", "storefront.app"):
        assert f" {heavy}\n" not in run.out


async def test_the_api_serves_until_it_is_told_to_stop(shell: Shell) -> None:
    port = free_port()
    with shell.start("api", "--port", port) as api:
        await asyncio.to_thread(api.wait_for_http, f"http://127.0.0.1:{port}/healthz")
        (await shell.resell("api", "--port", port)).failed(f"can't listen on 127.0.0.1:{port}: Address already in use")
        assert await asyncio.to_thread(api.terminate) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("services", "--customer", "\udc80"), "part of a character ('\\udc80')"),
        (("operations", "--upstream", "\udcff"), "part of a character ('\\udcff')"),
        (("order", "VDS-1", "--customer", "c", "--period", "1", "--key", "\udc80"), "part of a character"),
        (("orphans", "\udc80"), "part of a character"),
        (("tasks", "reject", "1", "--reason", "x", "--actor", "\x07"), "actor: contains a control character"),
    ],
)
async def test_what_is_no_text_is_said_to_be_none(
    stocked_shell: Shell, arguments: tuple[str, ...], sentence: str
) -> None:
    (await stocked_shell.resell(*arguments)).failed(sentence)


@pytest.mark.parametrize(
    "command",
    [
        "operations wait {}",
        "operations retry {} --reason x",
        "operations --service {}",
        "services show {}",
        "services licence-key {}",
        "tasks take {}",
        "incidents show {}",
        "webhooks replay {}",
        "webhooks deliveries --service {}",
        "tokens revoke {}",
        "prolong {} --period 1",
    ],
)
async def test_a_number_that_no_row_can_have_is_refused_as_it_is_typed(shell: Shell, command: str) -> None:
    for number in (2**31, 2**63, 10**4000):
        run = await shell.resell(*command.format(number).split())
        assert run.status == 2, run.err
        assert "Invalid value" in run.err
