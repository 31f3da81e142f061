"""A test run's exit status is what its tests say, whatever the SDK's threads do at the end."""

from pathlib import Path

import pytest

from tests.infrastructure.nested import RunPytest

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
CANNOT_BE_COLLECTED = """
    import no_such_module
"""


@pytest.mark.parametrize(
    ("test", "options", "status", "summary"),
    [
        pytest.param(PASSES, [], 0, "1 passed", id="passed"),
        pytest.param(PASSES, ["-q"], 0, "1 passed", id="passed, quiet"),
        pytest.param(FAILS, [], 1, "1 failed, 1 passed", id="failed"),
        pytest.param(FAILS, ["-x"], 1, "stopping after 1 failures", id="failed with -x"),
        pytest.param(CANNOT_BE_COLLECTED, [], 2, "1 error", id="collection error"),
        pytest.param(PASSES, ["-k", "nothing"], 5, "1 deselected", id="no tests"),
        pytest.param(PASSES, ["no/such/file.py"], 4, "file or directory not found", id="wrong command line"),
        pytest.param(PASSES, ["--no-such-option"], 4, "unrecognized arguments", id="unknown option"),
        pytest.param(PASSES, ["--version"], 0, "pytest", id="version"),
    ],
)
def test_the_summary_is_printed_and_the_status_kept(
    run_pytest: RunPytest, test: str, options: list[str], status: int, summary: str
) -> None:
    run = run_pytest(test, *options)
    assert run.returncode == status, run.output
    assert summary in run.output


def test_reports_are_written_before_leaving(run_pytest: RunPytest, tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    assert run_pytest(FAILS, f"--junitxml={report}").returncode == 1
    assert report.read_text().endswith("</testsuites>")


def test_a_run_that_used_the_sdk_ends_by_itself(run_pytest: RunPytest) -> None:
    run = run_pytest(USES_THE_SDK, "-p", "tests.infrastructure.temporal")
    assert run.returncode == 0, run.output
    assert "1 passed" in run.output
