"""What is shown: plain lines for a pipe, tables that fit a terminal, JSON for programs."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer.main
from sqlalchemy import update
from sqlmodel import select

from catalogue.loading import load
from cli.app import app
from cli.retention import KINDS
from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import FailureClass, IncidentKind, OperationKind, RefundSource, ServiceStatus, Stage, TaskMode
from models.events import UpstreamSnapshot
from models.order import Operation, Service, StageEntry, Task
from models.refund import Refund
from orders.incidents.record import raise_incident
from orders.retention import Keep, prune
from tests.catalogue.sample import written
from tests.cli.shell import Shell

NOON = datetime(2031, 5, 17, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
async def filled(shell: Shell, tmp_path: Path) -> Shell:
    """A database with two services: one active, one whose opening needs a person; and an orphan."""
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    await load(database, written(tmp_path), actor="tester")
    async with database.write() as session:
        for number, (customer, status, stage) in enumerate(
            [
                ("jane", ServiceStatus.ACTIVE, Stage.COMPLETED),
                ("joe of a rather long name", ServiceStatus.ORDERED, Stage.NEEDS_ATTENTION),
            ],
            start=1,
        ):
            session.add(
                Service(
                    customer=customer,
                    plan_id=1,
                    product_type="vds",
                    module_id=1,
                    account_id=1,
                    status=status,
                    name=f"customer-{number}.servers.example.com",
                    mark=f"rf-test-{number}",
                    upstream_number=str(4710 + number),
                    period_months=1,
                    expires_on=date(2031, 6, 17),
                )
            )
            await session.flush()
            refused = stage is Stage.NEEDS_ATTENTION
            session.add(
                Operation(
                    service_id=number,
                    kind=OperationKind.OPEN,
                    upstream_name="main",
                    stage=stage,
                    stage_since=NOON,
                    reason="the upstream refused the value of ostempl",
                    failure_class=FailureClass.REJECTED if refused else None,
                    actor="shop",
                )
            )
            await session.flush()
            for entered in (Stage.ACCEPTED, Stage.CHECKING_BALANCE, stage):
                session.add(StageEntry(operation_id=number, stage=entered, at=NOON))
            session.add(
                Task(
                    operation_id=number,
                    service_id=number,
                    mode=TaskMode.MANUAL if refused else TaskMode.AUTOMATIC,
                    department="support",
                    title=f"Open VDS-1 as service {number} at main",
                    due_at=NOON if refused else None,
                    created_at=NOON,
                )
            )
        for number in (1, 2):
            words, about = "bought twice, probably", f"intent {number}"
            await raise_incident(session, IncidentKind.LATE_YES, words, about=about, service=number, operation=number)
        session.add(
            UpstreamSnapshot(
                account_id=1, product_type="vds", number="4999", status=2, name="stray.example.com", first_seen_at=NOON
            )
        )
    await database.close()
    return shell


async def test_in_a_pipe_every_row_is_one_whole_line(filled: Shell) -> None:
    run = (await filled.resell("operations")).done()
    assert run.lines == [
        "number  service  kind  stage            since (UTC)  upstream  waits for",
        "     2        2  open  needs_attention  05-17 12:30  main      a person's decision (the upstream refused the "
        "value of ostempl)",
        "     1        1  open  completed        05-17 12:30  main      nothing (the upstream refused the value of "
        "ostempl)",
    ]
    services = (await filled.resell("services")).done()
    assert services.lines[1].split() == [
        *("2", "ordered", "VDS-1", "joe", "of", "a", "rather", "long", "name"),
        *("customer-2.servers.example.com", "main", "4712", "2031-06-17"),
    ]
    tasks = (await filled.resell("tasks")).done()
    assert "open, manual  support" in tasks.lines[1]
    assert tasks.lines[1].endswith("05-17 12:30  Open VDS-1 as service 2 at main")


@pytest.mark.parametrize(
    ("command", "numbers"),
    [
        ("operations", [2, 1]),
        pytest.param("operations --stage needs_attention", [2], marks=pytest.mark.proof),
        pytest.param("operations --service 1", [1], marks=pytest.mark.proof),
        pytest.param("operations --service 1 --service 2 --service 1", [2, 1], marks=pytest.mark.proof),
        ("operations --kind prolong", []),
        pytest.param("operations --upstream main --limit 1", [2], marks=pytest.mark.proof),
        pytest.param("services --status active", [1], marks=pytest.mark.proof),
        pytest.param("services --customer jane", [1], marks=pytest.mark.proof),
        ("services --plan VDS-1", [2, 1]),
        pytest.param("tasks --state open", [2, 1], marks=pytest.mark.proof),
        pytest.param("tasks --service 2", [2], marks=pytest.mark.proof),
        pytest.param("tasks --department nobody", [], marks=pytest.mark.proof),
        ("tasks --mode manual --free --in-time", [2]),
        pytest.param("tasks --older-than 3d", [], marks=pytest.mark.proof),
        pytest.param("incidents --open", [2, 1], marks=pytest.mark.proof),
        pytest.param("incidents --closed", [], marks=pytest.mark.proof),
        pytest.param("incidents --service 1 --kind late_yes", [1], marks=pytest.mark.proof),
    ],
)
async def test_lists_can_be_filtered(filled: Shell, command: str, numbers: list[int]) -> None:
    items = (await filled.resell(*command.split(), "--json")).done().json["items"]
    assert [item["number"] for item in items] == numbers


async def test_a_long_list_is_had_in_pages(filled: Shell) -> None:
    first = (await filled.resell("services", "--limit", 1, "--json")).done().json
    following = (await filled.resell("services", "--limit", 1, "--cursor", first["next_cursor"], "--json")).done().json
    assert [page["items"][0]["number"] for page in (first, following)] == [2, 1]
    assert following["next_cursor"] is None
    told = (await filled.resell("services", "--limit", 1)).done()
    assert told.lines[-1] == f"there are more: --cursor {first['next_cursor']}, or a higher --limit"


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["operations", "services", "tasks"])
async def test_on_a_terminal_a_table_fits_and_loses_nothing(filled: Shell, command: str, columns: int) -> None:
    lines = (await filled.resell(command, columns=columns)).done().lines
    assert max(len(line) for line in lines) <= columns
    letters = "".join("".join(lines).split())
    whole = {
        "operations": ["needs_attention", "05-1712:30", "completed"],
        "services": ["4712", "2031-06-17", "ordered"],
        "tasks": ["open,manual", "05-1712:30"],
    }[command]
    assert [word for word in whole if word not in letters] == []
    assert "…" not in letters


async def test_on_a_terminal_too_narrow_for_a_table_nothing_is_cut_off(filled: Shell) -> None:
    lines = (await filled.resell("operations", columns=40)).done().lines
    assert any("needs_attention" in line and "ostempl" in line for line in lines)


async def test_an_operation_is_shown_with_all_that_a_person_needs(filled: Shell) -> None:
    run = (await filled.resell("operations", "show", 2)).done()
    for line in (
        "stage           needs_attention since 2031-05-17 12:30:15 UTC",
        "waits for       a person's decision (the upstream refused the value of ostempl)",
        "a person may    have its result looked for now (the upstream has accepted it, nothing is sent), mark it done "
        "with the number of its item, or stop waiting for it: what the upstream has charged stays paid, its item stays "
        "there and with the service, which is closed by an operation of its own",
        "decisions       look_now (needs nothing, may have reason; for operator, senior, admin); mark_done (needs "
        "reason, upstream_number; for senior, admin); cancel (needs reason, what_is_paid_stays; for senior, admin)",
        "failure         rejected",
        "workflow        service-2-open-2 (not started yet)",
        "in Temporal UI  http://127.0.0.1:8233/namespaces/default/workflows/service-2-open-2",
        "2031-05-17 12:30:15.000  checking_balance",
    ):
        assert line in run.lines
    as_json = (await filled.resell("operations", "show", 2, "--json")).done().json
    assert [entry["stage"] for entry in as_json["stages"]] == ["accepted", "checking_balance", "needs_attention"]
    assert as_json["audit"] == []


async def test_services_and_tasks_are_shown_one_by_one(filled: Shell) -> None:
    service = (await filled.resell("services", "show", 1)).done()
    assert "upstream    main, item 4711" in service.lines
    assert "period      1 month, prolonged when its shop asks" in service.lines
    assert (await filled.resell("services", "show", 1, "--json")).done().json["upstream"]["number"] == "4711"
    task = (await filled.resell("tasks", "show", 2)).done()
    assert task.lines[:2] == ["task        2: Open VDS-1 as service 2 at main", "state       open (manual)"]
    assert (await filled.resell("tasks", "show", 2, "--json")).done().json["operation"] == 2


async def test_the_price_of_a_service_is_the_catalogues_until_it_has_an_item(filled: Shell) -> None:
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        for service in (await session.exec(select(Service))).all():
            service.cost_amount, service.cost_currency = Decimal("5.00"), "EUR"
            service.upstream_number = service.upstream_number if service.id == 1 else None
    await database.close()
    for number, label in ((1, "upstream price"), (2, "expected price (catalogue)")):
        shown = (await filled.resell("services", "show", number)).done()
        assert [line.split("  ")[0] for line in shown.lines if "5.00 EUR" in line] == [label]


@pytest.mark.parametrize(
    ("option", "field"),
    [(("--new-password",), "password"), (("--renewal-owner", "upstream"), "renewal_owner")],
    ids=["password", "renewal"],
)
async def test_what_the_kind_of_upstream_can_not_do_is_refused(
    filled: Shell, option: tuple[str, ...], field: str
) -> None:
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        await session.exec(update(UpstreamAccount).values(kind="resellflow", settings={"token_env": "MAIN_TOKEN"}))
    await database.close()
    (await filled.resell("change", 1, *option)).failed(f"{field}: the upstream main can't do this")


@pytest.mark.parametrize(
    ("word", "owner"), [("resellflow", "storefront"), ("storefront", "storefront"), ("automatic", "automatic")]
)
async def test_the_command_line_takes_each_owner_and_the_old_word(filled: Shell, word: str, owner: str) -> None:
    asked = (await filled.resell("change", 1, "--renewal-owner", word, "--json")).done().json
    shown = (await filled.resell("operations", "show", asked["operation"], "--json")).done().json
    assert shown["parameters"]["renewal_owner"] == owner


async def test_an_owner_that_there_is_not_is_refused_with_those_that_there_are(filled: Shell) -> None:
    (await filled.resell("change", 1, "--renewal-owner", "us")).failed("'storefront', 'automatic' or 'upstream'")


async def test_an_incident_is_shown_on_its_service_and_closed_with_a_note(filled: Shell) -> None:
    service = (await filled.resell("services", "show", 2)).done()
    assert any(line.split() == ["INCIDENTS", "2", "(resell", "incidents", "show", "2)"] for line in service.lines)
    assert (await filled.resell("incidents")).done().lines[1].endswith("bought twice, probably")
    closed = (await filled.resell("incidents", "close", 2, "--note", "refunded", "--actor", "ann")).done()
    assert closed.lines == ["incident 2 is closed by ann: refunded"]
    shown = (await filled.resell("incidents", "show", 2)).done()
    assert "it was         refunded" in shown.lines
    again = await filled.resell("incidents", "close", 2, "--note", "refunded")
    assert "closed by ann" in again.err
    assert "note" in (await filled.resell("incidents", "close", 1, "--note", " ")).err


async def test_what_ails_an_upstream_is_said_with_its_cause_and_since_when(filled: Shell) -> None:
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        account.unreachable_reason, account.unreachable_since = "Upstream main, vds: HTTP status 503.", NOON
        account.failing_lists = {"vds": {"since": NOON.isoformat(), "why": "no right"}}
        account.rests_until = NOON
        account.balance, account.balance_at = Decimal("12.50"), NOON
        session.add(account)
    await database.close()
    shown = (await filled.resell("upstreams")).done()
    assert shown.lines[1].split()[:2] == ["main", "unreachable"]
    at = "2031-05-17 12:30:15 UTC"
    assert f"main: unreachable since {at}: Upstream main, vds: HTTP status 503." in shown.lines
    assert f"main: the list of vds can't be read since {at}: no right" in shown.lines
    assert f"main: it has asked to be left alone until {at}" in shown.lines
    assert "main: 12.50 EUR are free, and module main-vds wants 50.00 EUR" in shown.lines


async def test_an_operation_that_is_tried_again_says_how_often_and_when(filled: Shell) -> None:
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    values = {"stage": Stage.RETRYING, "failure_class": FailureClass.NOT_SENT, "tries": 3, "next_try_at": NOON}
    async with database.write() as session:
        await session.exec(update(Operation).where(Operation.id == 2).values(**values))  # type: ignore[arg-type]
    await database.close()
    shown = (await filled.resell("operations", "show", 2)).done().out
    assert "the upstream to be reachable again" in shown
    assert "3 times" in shown
    assert "2031-05-17 12:30:15 UTC" in shown


async def test_upstreams_and_orphans_are_listed(filled: Shell) -> None:
    upstreams = (await filled.resell("upstreams")).done()
    assert upstreams.lines[1].split() == ["main", "unknown", "not", "read", "yet", "1", "never"]
    orphans = (await filled.resell("orphans")).done()
    assert orphans.lines[1].split() == ["main", "vds", "4999", "active", "stray.example.com", "05-17", "12:30"]
    assert (await filled.resell("orphans", "main", "--json")).done().json["items"][0]["number"] == "4999"


async def test_what_was_removed_because_of_its_age_is_told(filled: Shell) -> None:
    nothing = (await filled.resell("retention")).done()
    assert nothing.lines == ["nothing was looked at yet: the worker does it once a day"]
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    long_ago = NOON.replace(year=2001)
    async with database.write() as session:
        await session.exec(update(StageEntry).values(at=long_ago))
        operation = await session.get_one(Operation, 1)
        operation.ended_at = long_ago
        session.add_all([operation, StageEntry(operation_id=1, stage=Stage.COMPLETED, at=long_ago)])
        before = len((await session.exec(select(StageEntry).where(StageEntry.operation_id == 1))).all())
    keep = timedelta(days=30)
    await prune(database, Keep(events=keep, hints=keep, stages=keep, snapshots=keep, webhooks=keep, messages=keep))
    await database.close()
    run = (await filled.resell("retention")).done()
    assert run.lines[0].split() == ["at", *KINDS, "seconds"]
    assert run.lines[1].split()[2:-1] == ["0", "0", str(before - 1), *["0"] * 7]
    as_json = (await filled.resell("retention", "--json")).done().json
    assert as_json["items"][0]["detail"]["stages"] == str(before - 1)
    shown = (await filled.resell("operations", "show", 1)).done()
    assert "the stages before 2001-05-17 12:30:15 UTC have been removed, as they are old" in shown.lines


async def test_a_whole_list_is_written_for_spreadsheets_and_programs(filled: Shell) -> None:
    shown = (await filled.resell("services", "--format", "csv", "--sort", "created_at")).done().out
    rows = list(csv.DictReader(io.StringIO(shown)))
    assert [row["customer"] for row in rows] == ["jane", "joe of a rather long name"]
    assert rows[0]["expires_on"] == "2031-06-17"
    found = json.loads((await filled.resell("services", "--format", "json", "--search", "RATHER long")).done().out)
    assert [one["number"] for one in found] == [2]
    operations = json.loads((await filled.resell("operations", "--format", "json")).done().out)
    assert [one["number"] for one in operations] == [2, 1]
    assert json.loads((await filled.resell("operations", "--reference", "x", "--format", "json")).done().out) == []


async def test_a_forecast_of_each_account_and_of_one(filled: Shell) -> None:
    assert "due in 72 h" in (await filled.resell("forecast")).done().out
    shown = (await filled.resell("forecast", "main", "--days", 10, "--json")).done().json
    assert (shown["upstream"], len(shown["points"])) == ("main", 11)
    (await filled.resell("forecast", "nowhere")).failed("there is no upstream nowhere")
    (await filled.resell("forecast", "main", "--days", 10, "--hours", 3)).failed("days: is another way to say hours")


async def test_a_refund_of_nobody_is_listed_and_assigned(filled: Shell) -> None:
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        session.add(Refund(account_id=1, source=RefundSource.EXPENSE, row="9", amount=Decimal(2), currency="EUR"))
    await database.close()
    assert "2.00 EUR" in (await filled.resell("refunds", "--unmatched")).done().out
    said = (await filled.resell("refunds", "assign", 1, 1, "--reason", "a ticket", "--actor", "ann")).done()
    assert said.lines == ["refund 1 (2.00 EUR) is written to operation 1 by ann: a ticket"]
    assert (await filled.resell("refunds", "--unmatched")).done().lines == ["no refunds"]
    (await filled.resell("refunds", "ignore", 1, "--reason", "x")).failed("refund 1 is written to operation 1 by ann")
    assert "paid back" in (await filled.resell("operations", "show", 1)).done().out


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands and groups of `resell`, by what is typed."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        waiting += [((*words, name), one) for name, one in getattr(command, "commands", {}).items()]


WITHOUT_PAGES = {("upstreams",), ("webhooks",), ("webhooks", "list"), ("tokens", "list"), ("sweep", "show")}
LISTS = sorted(
    WITHOUT_PAGES
    | {("users", "list"), ("notifications", "list")}
    | {words for words, command in commands() if any("--limit" in parameter.opts for parameter in command.params)}
)


def test_there_are_as_many_lists_as_known() -> None:
    assert len(LISTS) >= 16, LISTS


@pytest.mark.parametrize(
    "words",
    [pytest.param(words, marks=[pytest.mark.proof] if number % 3 else []) for number, words in enumerate(LISTS)],
    ids=" ".join,
)
async def test_every_list_of_the_shell_is_written_whole(filled: Shell, words: tuple[str, ...]) -> None:
    """With a customer's name that a spreadsheet would calculate."""
    more = ("1",) if words == ("services", "history") else ()
    database = Database(filled.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        await session.exec(update(Service).values(customer="=1+1", name="=2+2"))
    await database.close()
    written = (await filled.resell(*words, *more, "--format", "csv")).done().out
    rows = list(csv.DictReader(io.StringIO(written)))
    assert written.splitlines()[0].count(",") > 2
    assert not any(text.startswith("=") for row in rows for text in row.values())
    assert len(json.loads((await filled.resell(*words, *more, "--format", "json")).done().out)) == len(rows)
