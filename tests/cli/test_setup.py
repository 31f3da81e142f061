"""`resell migrate` and `resell setup`, as the commands that bring a new installation up."""

from pathlib import Path

import pytest
from temporalio.client import Client

from tests.catalogue.sample import SAMPLE, edited, written
from tests.cli.shell import Shell


async def test_a_new_installation_is_brought_up(
    database_url: str,
    temporal_env: dict[str, str],
    temporal_client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cli.setup.POLLER_SECONDS", 30.0)  # a busy machine is not a Temporal that is away
    shell = Shell({"RESELL_DATABASE_URL": database_url, **temporal_env})
    first = (await shell.resell("migrate")).done()
    assert first.out.startswith("schema: (none) → ")
    assert (await shell.resell("migrate")).done().out.endswith("nothing to do\n")
    dry = (await shell.resell("setup", written(tmp_path), "--dry-run")).done()
    assert dry.lines[-1] == "dry run: nothing was changed"
    run = (await shell.resell("setup", written(tmp_path))).done()
    assert run.lines[:-2] == dry.lines[:-1]
    assert run.lines[-2:] == ["done", "watched: main"]
    assert (await temporal_client.get_workflow_handle("event-poller-main").describe()).status is not None
    again = (await shell.resell("setup", written(tmp_path))).done()
    assert again.lines[-2:] == ["nothing to change", "watched: main"]


async def test_changes_are_shown_from_what_to_what(shell: Shell, tmp_path: Path) -> None:
    (await shell.resell("setup", written(tmp_path))).done()
    dry = (await shell.resell("setup", written(tmp_path, edited(("79.00", "75.00"))), "--dry-run")).done()
    assert "changed          tariff_plans VDS-1\n    prices.12: 79.00 EUR → 75.00 EUR\n" in dry.out
    plans = SAMPLE[SAMPLE.index("[[tariff_plans]]") :]
    rest = (await shell.resell("setup", written(tmp_path, plans), "--dry-run")).done()
    assert "not in this file upstream_accounts main" in rest.lines


async def test_programs_get_the_changes_as_json(shell: Shell, tmp_path: Path) -> None:
    report = (await shell.resell("setup", written(tmp_path), "--json")).done().json
    assert report["changes"][0] == {"table": "upstream_accounts", "name": "main", "outcome": "added", "fields": []}
    changed = await shell.resell("setup", written(tmp_path, edited(("79.00", "75.00"))), "--json", "--dry-run")
    [plan] = [one for one in changed.done().json["changes"] if one["outcome"] == "changed"]
    assert plan["fields"] == [{"field": "prices.12", "from": "79.00 EUR", "to": "75.00 EUR"}]


async def test_without_temporal_the_pollers_are_left_to_the_worker(shell: Shell, tmp_path: Path) -> None:
    run = (await shell.resell("setup", written(tmp_path))).done()
    assert run.lines[-1] == "Temporal can't be reached just now; the worker will start the pollers of: main"


@pytest.mark.parametrize(
    ("address", "said"), [(None, "TEMPORAL_ADDRESS is not set"), ("nonsense", "TEMPORAL_ADDRESS is not HOST:PORT")]
)
async def test_a_catalogue_is_loaded_and_reported_where_no_temporal_is_set(
    shell: Shell, tmp_path: Path, address: str | None, said: str
) -> None:
    """Temporal is optional for this command, and what was loaded must not look as if it were not."""
    del shell.variables["TEMPORAL_ADDRESS"]
    if address is not None:
        shell.variables["TEMPORAL_ADDRESS"] = address
    run = (await shell.resell("setup", written(tmp_path))).done()
    assert said in run.err
    assert run.lines[-2:] == [
        "done",
        "Temporal can't be reached just now; the worker will start the pollers of: main",
    ]


async def test_every_mistake_is_a_line_and_nothing_is_changed(shell: Shell, tmp_path: Path) -> None:
    file = written(tmp_path, edited(("dialect = 6", "dialect = 7"), ('"7.90 EUR"', "7.9")))
    run = await shell.resell("setup", file, "--json")
    run.failed(f"2 mistakes in {file}; nothing was changed")
    lines = run.err.splitlines()
    assert lines[0].startswith(f'{file}: upstream_accounts "main": dialect: 7 is not right')
    assert lines[1].startswith(f'{file}: tariff_plans "VDS-1": prices.1: 7.9 has no currency')
    assert [(one["table"], one["key"]) for one in run.json["problems"]] == [
        ('upstream_accounts "main"', "dialect"),
        ('tariff_plans "VDS-1"', "prices.1"),
    ]
    assert (await shell.resell("upstreams")).done().out == "no upstream accounts\n"


@pytest.mark.parametrize("command", [("setup", "FILE"), ("services",), ("operations", "show", "1")])
async def test_a_database_without_schema_is_said(
    shell: Shell, tmp_path: Path, postgres_database_url: str, command: tuple[str, ...]
) -> None:
    arguments = [str(written(tmp_path)) if word == "FILE" else word for word in command]
    shell.variables["RESELL_DATABASE_URL"] = postgres_database_url
    (await shell.resell(*arguments)).failed("run `resell migrate`")
    empty = tmp_path / "empty.db"
    empty.touch()
    shell.variables["RESELL_DATABASE_URL"] = f"sqlite:///{empty}"
    (await shell.resell(*arguments)).failed("run `resell migrate`")
