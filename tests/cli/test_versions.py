"""`resell versions` where no worker has a version, or Temporal is away. Two versions: tests/flow/test_versions.py."""

from datetime import timedelta

import pytest

from temporal.versions import deployment
from tests.cli.shell import Shell


@pytest.fixture
def shell_with_temporal(sqlite_url: str, temporal_env: dict[str, str]) -> Shell:
    return Shell({"RESELL_DATABASE_URL": sqlite_url, **temporal_env})


async def test_without_versions_there_is_nothing_to_list_and_nothing_to_choose(shell_with_temporal: Shell) -> None:
    shell = shell_with_temporal
    assert "no worker has a build id (RESELL_BUILD_ID)" in (await shell.resell("versions")).done().out
    assert (await shell.resell("versions", "--json")).done().json == {"items": []}
    for choice in (("current", "7"), ("ramp", "7", "10")):
        (await shell.resell("versions", *choice)).failed("Temporal refuses it: ")


async def test_what_is_to_be_current_is_said_once(shell: Shell) -> None:
    for nothing_or_both in ((), ("7", "--none")):
        (await shell.resell("versions", "current", *nothing_or_both)).failed("give a BUILD_ID, or --none")


async def test_what_temporal_has_not_answered_in_time_may_be_done_all_the_same(
    shell_with_temporal: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "CHANGE_TIMEOUT", timedelta(milliseconds=0.001))
    for choice in (("current", "7"), ("ramp", "7", "10")):
        (await shell_with_temporal.resell("versions", *choice)).failed("`resell versions` shows whether it has done it")


async def test_temporal_is_away(shell: Shell) -> None:
    for command in ((), ("current", "7"), ("ramp", "7", "10")):
        (await shell.resell("versions", *command)).failed("Temporal can't be reached just now, nothing was changed")
