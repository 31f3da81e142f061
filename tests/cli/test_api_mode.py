"""`resell --api`: the same commands over the API say the same as beside the database."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import stamina
from pydantic import SecretStr

from catalogue.loading import load
from cli.api import WORKS
from cli.session import os_user
from models.database import Database
from models.enums import IncidentKind, Stage
from models.order import Operation
from orders.incidents.record import raise_incident
from settings import Settings
from tests.catalogue.sample import written
from tests.cli.shell import Run, Shell
from tests.cli.test_orders import rejected_order
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop
from tests.infrastructure.databases import copy_of
from tests.infrastructure.processes import free_port
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api, api_settings, client_of_nothing, running_api

NOBODY = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}


@dataclass
class Both:
    """A shell beside a database, and one somewhere else, which has the address of the API and a token."""

    here: Shell
    away: Shell
    api: Api


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Both]:
    """The database has three orders, of which one waits for a person, and an incident."""
    here = Shell({"RESELL_DATABASE_URL": url, "RESELL_TEMPORAL_UI_URL": "http://ui.test", **NOBODY})
    database = Database(url)
    try:
        await load(database, written(folder), actor="tester")
        for number, customer in enumerate(("jane", "joe", "jane"), start=1):
            arguments = ("--customer", customer, "--period", 1, "--key", f"k-{number}", "--reference", f"cart {number}")
            (await here.resell("order", "VDS-1", *arguments)).done()
        async with database.write() as session:
            operation = await session.get_one(Operation, 2)
            operation.stage, operation.reason = Stage.NEEDS_ATTENTION, "the upstream refused the value of ostempl"
            await raise_incident(session, IncidentKind.LATE_YES, "unasked", about="intent 1", service=1, operation=1)
        async with running_api(database, await client_of_nothing(), api_settings(url)) as api:
            yield Both(here, Shell({"RESELL_API_URL": api.address, "RESELL_API_TOKEN": OPERATOR_TOKEN}), api)
    finally:
        await database.close()


@pytest_asyncio.fixture(scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_template: Path) -> AsyncIterator[Both]:
    """For what only reads."""
    folder = tmp_path_factory.mktemp("both")
    async with opened(copy_of(migrated_sqlite_template, folder), folder) as one:
        yield one


@pytest.fixture
async def own(tmp_path: Path, migrated_sqlite_template: Path) -> AsyncIterator[Both]:
    """For what changes something."""
    async with opened(copy_of(migrated_sqlite_template, tmp_path), tmp_path) as one:
        yield one


READING = [
    "services",
    "services --json",
    "services --customer jane --limit 1",
    "services --search jane --sort created_at --format csv",
    "services --status ordered --format json",
    "services --plan NOPE",
    "services show 1",
    "services show 1 --json",
    "services show 99",
    "services history 1",
    "operations",
    "operations --json",
    "operations --stage needs_attention --not-slow",
    "operations --kind open --format csv",
    "operations --upstream nowhere",
    "operations --cursor garbled",
    "operations show 2",
    "operations show 2 --json",
    "tasks",
    "tasks --mode automatic --free --json",
    "tasks --older-than soon",
    "tasks show 1",
    "tasks show 1 --json",
    "incidents",
    "incidents --open --json",
    "incidents --closed",
    "incidents show 1",
    "incidents show 1 --json",
    "refunds",
    "refunds --unmatched --json",
    "forecast",
    "forecast main --days 3",
    "forecast nowhere",
    "events",
    "events --from-now --json",
    "plans",
    "plans --json",
    "plans show VDS-1",
    "plans show VDS-1 --json",
    "plans show NOPE",
    "upstreams",
    "upstreams --json",
    "order VDS-1 --customer jim --period 1 --dry-run",
    "order VDS-1 --customer jim --period 5 --dry-run",
    "order VDS-1 --customer jim --period 1 --addon ram=much",
    "prolong 1 --period 1 --dry-run",
    "operations cancel 99 --reason no",
    "operations retry 1 --reason again",
    "tasks take 99",
    "incidents close 99 --note why",
    "refunds ignore 99 --reason why",
]
VARYING = re.compile(rf'"until": ".*?"|\d\d:\d\d(:\d\d(\.\d+)?)?|q-[0-9a-f]{{24}}|\b(olga|{os_user()})\b')
"""What is of the moment, the name of a quote, and who does it: whose token it is, or who types."""


@pytest.mark.parametrize("command", READING)
async def test_a_command_says_the_same_over_the_api(both: Both, command: str) -> None:
    here, away = await both.here.resell(*command.split()), await both.away.resell(*command.split())
    assert shown(away) == shown(here)


def shown(run: Run) -> tuple[int, str, str]:
    return run.status, VARYING.sub("…", run.out), VARYING.sub("…", run.err)


ACTING = [
    "order VDS-1 --customer jim --period 1 --key k-9 --addon ram=2 --metadata contract=17 --cost-limit '50.00 EUR'",
    "order VDS-1 --customer jim --period 1 --key k-9 --addon ram=2 --metadata contract=17 --cost-limit '50.00 EUR'",
    "order VDS-1 --customer jim --period 1 --key k-9",
    "order VDS-1 --customer jim --period 1 --key k-10 --json",
    "quote order VDS-1 --customer jim --period 1 --addon ram=2",
    "quote order VDS-1 --customer jim --period 5 --json",
    "quote prolong 1 --period 1",
    "services set-reference 1 --reference other --metadata a=b",
    "services set-renewal 1 close",
    "services set-renewal 1 close",
    "close 1 --at end_of_term",
    "tasks take 1",
    "tasks take 1 --override --reason asked",
    "tasks note 1 looked --override --reason asked",
    "tasks hand-over 1 boris --override --reason asked",
    "tasks release 1 --override --reason asked",
    "tasks complete 1 --note done --expires-on 2041-01-01",
    "tasks reject 1 --reason no",
    "incidents close 1 --note explained",
    "incidents close 1 --note explained",
    "operations correct 2 --set template=nonsense --addon ram=2 --reason typo",
    "operations accept-price 2 --price '5.00 EUR' --reason agreed",
    "operations mark-done 1 --reason seen --upstream-number 4711",
    "operations look-now 1",
    "suspend 3 --key k-11 --urgent",
    "close 3 --key k-12",
    "operations cancel 2 --reason unwanted",
    "operations cancel 2 --reason unwanted --json",
    "operations batch cancel --reason unwanted --reference 'cart 9'",
    "operations batch cancel --reason unwanted --kind open --stage accepted",
    "operations batch-run 1",
    "operations batch-run 99",
]


@pytest.mark.proof
async def test_what_is_asked_and_decided_is_the_same_over_the_api(
    tmp_path: Path, migrated_sqlite_template: Path
) -> None:
    said: list[list[object]] = []
    for name in ("here", "away"):
        folder = tmp_path / name
        folder.mkdir()
        async with opened(copy_of(migrated_sqlite_template, folder), folder) as one:
            shell: Shell = getattr(one, name)
            said.append([(line, shown(await shell.resell(*shlex.split(line)))) for line in ACTING])
    for here, away in zip(*said, strict=True):
        assert away == here


@pytest.mark.proof
async def test_an_order_is_followed_and_corrected_over_the_api(shop: Shop) -> None:
    settings = Settings(**{**shop.settings.model_dump(), "operator_tokens": {"olga": SecretStr(OPERATOR_TOKEN)}})
    of_the_worker = {PASSWORD_VARIABLE: PASSWORD}  # it runs in this process
    async with running_api(shop.database, shop.client, settings) as api:
        away = Shell({"RESELL_API_URL": api.address, "RESELL_API_TOKEN": OPERATOR_TOKEN, **of_the_worker})
        refused = await rejected_order(shop, away)
        assert (refused.status, refused.json["stage"]) == (1, "needs_attention")
        (await away.resell("operations", "correct", 1, "--set", "template=debian-13", "--reason", "typo")).failed(
            "parameters.template: unknown template 'debian-13'; known: debian-12"
        )
        corrected = ("correct", 1, "--reason", "typo", "--set", "domain=v2.example.com", "--addon", "ram=2")
        assert (await away.resell("operations", *corrected)).done().out.startswith("operation 1 is in stage ")
        followed = await away.resell("operations", "wait", 1)
        assert followed.done().lines[-1].startswith("service 1 is active as item ")
        shown_here = (await away.resell("operations", "show", 1, "--json")).done().json
        service = (await away.resell("services", "show", 1, "--json")).done().json
    assert (service["addons"], service["name"], len(shown_here["intents"])) == ({"ram": 2}, "v2.example.com", 2)
    decision = next(entry for entry in shown_here["audit"] if entry["action"] == "correct_and_retry")
    assert (decision["actor"], decision["detail"]["reason"]) == ("olga", "typo")


async def test_an_operation_is_waited_for_over_the_api(own: Both) -> None:
    waiting = asyncio.create_task(own.away.resell("operations", "wait", 1))
    await own.api.enter(1, Stage.CHECKING_BALANCE)
    await own.api.enter(1, Stage.CANCELLED, "not wanted any more")
    run = await waiting
    assert run.status == 1
    assert shown(run) == shown(await own.here.resell("operations", "wait", 1))
    assert [line[10:] for line in run.lines[:3]] == [
        "accepted", "checking_balance", "cancelled: not wanted any more",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("tokens list", "resell tokens needs the database: leave out --api (RESELL_API_URL)"),
        ("migrate", "resell migrate needs the database"),
        ("setup nowhere.toml", "resell setup needs the database"),
        ("retention", "resell retention needs the database"),
        ("services licence-key 1", "this command needs the database"),
        ("services hand-over 1 --reason why", "this command needs the database"),
        ("refunds show 1", "this command needs the database"),
        ("incidents close 1 --note why --actor me", "--actor can't be given with --api"),
    ],
)
async def test_what_the_api_has_no_counterpart_of_says_so(both: Both, command: str, sentence: str) -> None:
    (await both.away.resell(*command.split())).failed(sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"RESELL_API_TOKEN": ""}, "--api needs a token: set RESELL_API_TOKEN, or name a file"),
        ({"RESELL_API_TOKEN": "two words"}, "--api: the token is not one word"),
        ({"RESELL_API_TOKEN": "wrong-token"}, "token"),
        ({"RESELL_API_TOKEN_FILE": "/nowhere/token"}, "--api-token-file: /nowhere/token can't be read"),
        ({"RESELL_API_URL": "localhost"}, "--api: 'localhost' is not an address like https://"),
        ({"RESELL_API_URL": "ftp://localhost"}, "--api: 'ftp://localhost' is not an address like https://"),
    ],
)
async def test_a_wrong_address_or_token_is_named(both: Both, changes: dict[str, str], sentence: str) -> None:
    run = await Shell(both.away.variables | changes).resell("services")
    run.failed(sentence)
    assert "two words" not in run.err


async def test_an_api_that_is_away_is_named_once_it_was_tried_again(both: Both) -> None:
    with stamina.set_testing(True, attempts=2):
        run = await Shell(both.away.variables | {"RESELL_API_URL": f"http://127.0.0.1:{free_port()}"}).resell(
            "services"
        )
    run.failed("the API can't be reached (RESELL_API_URL): GET /v1/services")


async def test_options_and_a_file_do_as_the_variables(both: Both, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{OPERATOR_TOKEN}\n")
    options = ("--api", both.api.address, "--api-token-file", tmp_path / "token")
    run = await Shell({}).resell(*options, "services")
    assert run.done().lines == (await both.here.resell("services")).lines


async def test_a_shop_sees_its_own_over_the_api(own: Both) -> None:
    shop = Shell(own.away.variables | {"RESELL_API_TOKEN": SHOP_TOKEN})
    assert (await shop.resell("services")).done().out == "no services\n"
    (await shop.resell("order", "VDS-1", "--customer", "c-1", "--period", 1, "--key", "k")).done()
    assert len((await shop.resell("services")).done().lines) == 2
    (await shop.resell("services", "show", 4)).done()
    (await shop.resell("operations")).done()
    assert "no audit entries" in (await shop.resell("operations", "show", 4)).done().lines
    (await shop.resell("services", "show", 1)).failed("there is no service 1")
    (await shop.resell("incidents")).failed("shop has the role storefront; this needs the role viewer")


async def test_the_help_says_which_commands_work_over_the_api() -> None:
    said = " ".join((await Shell({}).resell("--help")).done().out.split())
    assert f"For: {', '.join(sorted(WORKS))}" in said
