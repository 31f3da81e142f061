"""A test run's exit status is what its tests say, whatever the SDK's threads do at the end, or a process dies of."""

import re
from pathlib import Path

import pytest

from tests.infrastructure.nested import RunPytest
from tests.infrastructure.processes import PROJECT

USES_THE_SDK = """
    async def test_sdk(temporal_client):
        assert await temporal_client.service_client.check_health()
"""
PASSES = """
    def test_passes():
        pass
"""
FAILS = """
    def test_fails():
        assert False

    def test_never_reached_with_x():
        pass
"""


@pytest.mark.proof
@pytest.mark.parametrize(
    ("test", "options", "status", "summary"),
    [
        pytest.param(FAILS, [], 1, "1 failed, 1 passed", id="failed"),
        pytest.param(
            PASSES, ["no/such/file.py"], 4, "file or directory not found", id="wrong line", marks=pytest.mark.proof
        ),
    ],
)
def test_the_summary_is_printed_the_status_kept_and_the_report_written(
    run_pytest: RunPytest, tmp_path: Path, test: str, options: list[str], status: int, summary: str
) -> None:
    report = tmp_path / "junit.xml"
    run = run_pytest(test, f"--junitxml={report}", *options)
    assert run.returncode == status, run.output
    assert summary in run.output
    assert report.read_text().endswith("</testsuites>")


@pytest.mark.proof
def test_a_run_that_used_the_sdk_ends_by_itself(run_pytest: RunPytest) -> None:
    run = run_pytest(USES_THE_SDK, "-p", "tests.infrastructure.temporal")
    assert run.returncode == 0, run.output
    assert "1 passed" in run.output


DIES = """
    import os, signal

    def test_passes():
        pass

    def test_dies():
        os.kill(os.getpid(), signal.SIGKILL)

    def test_comes_after():
        pass
"""


def test_a_process_that_dies_ends_the_run_of_make_test_once_and_its_test_is_named(run_pytest: RunPytest) -> None:
    [options] = re.findall(r"(?m)^PARALLEL \?= (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"))
    run = run_pytest(DIES, *re.sub(r"-n \d+", "-n 1", options).split())  # others would have nothing to do but to start
    assert run.returncode == 1, run.output
    assert re.search(r"worker 'gw\d' crashed while running '.*test_dies'", run.output), run.output
    assert "1 failed, 1 passed" in run.output
