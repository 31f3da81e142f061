"""The stack ends as a whole: by its work, by a signal, by the loss of a part, and by being killed outright."""

import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import Program, is_running

PARTS = ("first", "second", "third")

StartToy = Callable[[str], Program]


@pytest.fixture
def start_toy(tmp_path: Path) -> Iterator[StartToy]:
    """Start a stack of small parts that follows a story; see `toy`."""
    programs: list[Program] = []

    def start(story: str) -> Program:
        command: list[str | Path] = [sys.executable, "-m", "tests.stack.toy", tmp_path, story]
        programs.append(Program(command, name=f"stack that {story}", forked=True))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def pids(directory: Path) -> list[int]:
    return [int(file.read_text()) for file in directory.glob("*.pid")]


def none_runs(processes: list[int]) -> Callable[[], bool]:
    return lambda: not any(is_running(pid) for pid in processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_all_parts_the_last_started_first(
    start_toy: StartToy, tmp_path: Path, number: signal.Signals
) -> None:
    stack = start_toy("stays")
    stack.wait_for_line("^up$")
    processes = pids(tmp_path)
    assert len(processes) == 3
    stack.send_signal(number)
    assert stack.wait_for_exit() == 0
    assert (tmp_path / "stopped").read_text().split() == ["third", "second", "first"]
    assert none_runs(processes)()


def test_when_the_work_is_done_all_parts_are_stopped_and_its_status_kept(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("finishes")
    assert stack.wait_for_exit() == 5
    assert "the work is done" in stack.lines
    assert (tmp_path / "stopped").read_text().split() == ["third", "second", "first"]


def test_the_loss_of_a_part_is_told_with_its_last_words_and_ends_the_stack(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("loses")
    assert stack.wait_for_exit() == 1
    assert "second was ended by SIGKILL" in stack.output
    assert str(tmp_path / "log" / "second.log") in stack.output
    assert "  second is part of the story loses" in stack.lines
    assert (tmp_path / "stopped").read_text().split() == ["third", "first"]


def test_a_part_that_cannot_start_is_told_and_the_parts_before_it_are_stopped(
    start_toy: StartToy, tmp_path: Path
) -> None:
    stack = start_toy("broken")
    assert stack.wait_for_exit() == 1
    assert "second ended with status 1" in stack.output
    assert "  no such tariff plan" in stack.lines
    assert (tmp_path / "stopped").read_text().split() == ["first"]


def test_a_signal_while_starting_stops_what_was_started(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("stuck")
    wait_until((tmp_path / "second.new").exists)
    stack.send_signal(signal.SIGTERM)
    assert stack.wait_for_exit() == 128 + signal.SIGTERM
    assert (tmp_path / "stopped").read_text().split() == ["second", "first"]


def test_a_second_signal_does_not_wait_for_a_part_that_refuses(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("deaf")
    stack.wait_for_line("^up$")
    processes = pids(tmp_path)
    stack.send_signal(signal.SIGINT)
    wait_until((tmp_path / "stopped").exists)
    stack.send_signal(signal.SIGINT)
    stack.wait_for_exit(timeout=10)  # less than a refusing part is given
    assert none_runs(processes)()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_no_part_outlives_a_stack_that_is_killed(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("stays")
    stack.wait_for_line("^up$")
    processes = pids(tmp_path)
    stack.kill()
    wait_until(none_runs(processes), message="all parts are gone")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_no_part_outlives_a_stack_that_is_killed_while_starting(start_toy: StartToy, tmp_path: Path) -> None:
    stack = start_toy("stuck")
    wait_until((tmp_path / "second.new").exists)
    processes = [int((tmp_path / name).read_text()) for name in ("first.pid", "second.new")]
    stack.kill()
    wait_until(none_runs(processes), message="all parts are gone")


def test_a_second_stack_with_the_same_data_is_refused(start_toy: StartToy, tmp_path: Path) -> None:
    first = start_toy("stays")
    first.wait_for_line("^up$")
    second = start_toy("finishes")
    assert second.wait_for_exit() == 1
    assert f"A stack is already running with the data in {tmp_path} (process {first.pid})" in second.output
    assert first.running


def test_the_log_of_the_run_before_is_kept(start_toy: StartToy, tmp_path: Path) -> None:
    for _ in range(2):
        assert start_toy("finishes").wait_for_exit() == 5
    for name in ("first.log", "first.log.1"):
        assert (tmp_path / "log" / name).read_text() == "first is part of the story stays\n"


def test_taken_ports_are_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api, socket.create_server(("127.0.0.1", 0)) as ui:
        ports = {"--api-port": api.getsockname()[1], "--ui-port": ui.getsockname()[1]}
        others = ("--temporal-port", "--simulator-port", "--worker-health-port")
        options = [str(part) for option in ports.items() for part in option]
        options += [part for option in others for part in (option, "0")]
        with Program([sys.executable, "-m", "stack", "up", "--directory", tmp_path, *options], forked=True) as stack:
            assert stack.wait_for_exit() == 1
    for option, number, use in (
        ("--api-port", ports["--api-port"], "the storefront API"),
        ("--ui-port", ports["--ui-port"], "Temporal UI"),
    ):
        assert f"Port {number}, for {use}, is already taken; choose another with {option} PORT." in stack.lines
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("log_format", ["auto", "text"])
def test_what_the_stack_reports_is_json_where_it_is_no_terminal(tmp_path: Path, log_format: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command: list[str | Path] = [sys.executable, "-m", "stack", "up", "--directory", tmp_path, "--api-port", port]
        with Program(command, env={"RESELL_LOG_FORMAT": log_format}, forked=True) as stack:
            assert stack.wait_for_exit() == 1
    if log_format == "text":
        assert stack.lines[0] == f"Starting the stack, data in {tmp_path}"
        return
    first, second = [json.loads(line) for line in stack.lines]
    assert (first["level"], first["logger"], first["message"]) == (
        "info",
        "stack",
        f"Starting the stack, data in {tmp_path}",
    )
    assert second["level"] == "error"
    assert port in second["message"]
    assert "--api-port" in second["message"]
