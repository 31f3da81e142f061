"""The benchmark reports what it promises. How fast anything is, is none of these tests' business."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.options import Options
from benchmarks.report import Report, Spread
from benchmarks.running import measure
from benchmarks.usage import cpu_seconds
from stack.processes import StackFailed
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import PROJECT, Program

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
HAPPY_EVENTS = 30


def processes_with(directory: Path) -> list[str]:
    """The commands of running processes that were told about this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.proof
@LINUX
@pytest.mark.timeout(300)  # a busy machine is no failure
def test_a_small_run_reports_all_there_is_to_report_and_leaves_nothing_running(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "benchmarks", "--orders", "5", "--warm-up", "1", "--concurrency", "5,3"]
    command += ["--existing", "40", "--worker", "orders,upstream,webhooks", "--worker", "poller"]
    command += ["--round-trip-ms", "20", "--opening-delay", "0.3", "--temporal-store", "memory"]
    command += ["--idle-seconds", "2", "--waiting-seconds", "1", "--waiting-orders", "2"]
    command += ["--directory", str(tmp_path), "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == file.read_text()
    assert not processes_with(tmp_path)

    report = Report.model_validate_json(done.stdout)
    assert report.model_dump(mode="json").keys() == Report.model_fields.keys()
    orders, bare, idle, waiting = report.orders, report.bare, report.idle, report.waiting

    assert orders.count == bare.count == orders.upstream_charges == 5
    assert 5 <= bare.history_events.p50 < orders.history_events.p50 <= orders.history_events.max <= HAPPY_EVENTS
    assert orders.upstream_requests["v2.vds.order.param+ok"] == 5
    listings = orders.upstream_requests["vds"]
    assert orders.upstream_requests_per_order * 5 - listings <= 5 * 4
    # The head each second, at both ends of the time; one whole list; one for the numbers that the orders share.
    assert listings <= orders.seconds + 3
    assert 0.3 < orders.order_to_active_s.p50 <= orders.order_to_completed_s.p50 < orders.seconds
    assert 0 < orders.upstream_active_to_active_s.p50 <= orders.upstream_active_to_completed_s.p50
    for used in (orders.cpu_ms_each, bare.cpu_ms_each):
        assert used.worker
        assert used.server
    assert orders.cpu_ms_each.simulator is not None
    assert orders.cpu_ms_each.placing is not None
    assert report.ratios.history_events > 1
    assert orders.sql_each.statements >= orders.sql_each.transactions >= orders.sql_each.write_transactions >= 4
    assert {"placing", "poll_upstream"} <= orders.sql_each.by_activity.keys()
    assert orders.sql_each.for_all_statements > 0
    for held in (orders.memory_mib, bare.memory_mib):
        assert held.worker
        assert held.server
        assert held.simulator
    assert orders.memory_mib.workers.keys() == {"orders,upstream,webhooks", "poller"}
    assert orders.cpu_ms_each.workers.keys() == {"orders,upstream,webhooks", "poller"}

    assert [load.concurrency for load in report.loads] == [5, 3]
    assert report.loads[0].bare == bare
    assert report.existing is not None
    assert report.existing.empty == report.loads[0].orders
    assert report.existing.empty.upstream_charges == 5
    assert report.existing.active_to_active_p50_ratio is not None
    look = report.existing.first_look
    assert look.services == 40
    assert look.services_per_second > 0
    assert look.statements_per_service > 0
    assert look.orders_placed >= look.orders_confirmed
    assert look.orders_lost == 0
    assert look.seconds_until_first_order_here > 0

    assert idle is not None
    assert idle.history_events_added == 0
    assert idle.upstream_requests_per_minute <= 120, "two accounts, or the end of a round"
    assert idle.sql_per_minute.for_all_statements > 0
    assert idle.sql_per_minute.statements == 0
    assert waiting is not None
    assert waiting.orders == 2
    assert waiting.history_events_added == 0


def test_concurrencies_that_are_no_numbers_are_refused() -> None:
    done = CliRunner().invoke(app, ["--concurrency", "20,many"])
    assert done.exit_code == 2
    assert "20,many" in done.stderr
    assert done.stdout == ""


@LINUX
@pytest.mark.timeout(120)
@pytest.mark.proof
def test_a_run_that_is_told_to_end_leaves_nothing_running(tmp_path: Path) -> None:
    with Program([sys.executable, "-m", "benchmarks", "--directory", tmp_path], name="benchmark") as program:
        program.wait_for_line("bare workflows", timeout=60)
        assert processes_with(tmp_path)
        program.send_signal(signal.SIGTERM)
        assert program.wait_for_exit(timeout=60) == 128 + signal.SIGTERM
        wait_until(lambda: not processes_with(tmp_path))


async def test_a_database_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match="PostgreSQL") as refused:
        await measure(Options(database="mysql://root:word@localhost/", directory=tmp_path))
    assert "word@" not in str(refused.value)


@pytest.mark.proof
def test_the_command_that_is_refused_says_why_and_shows_no_password(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--database", "mysql://root:word@localhost/", "--directory"]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "PostgreSQL" in done.stderr
    assert "word@" not in done.stderr


def test_percentiles_are_values_that_were_measured() -> None:
    spread = Spread.of([float(number) for number in range(1, 101)])
    assert (spread.p50, spread.p95, spread.max, spread.mean) == (50.0, 95.0, 100.0, 50.5)
    assert Spread.of([7.0]).p95 == 7.0
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])


@LINUX
def test_cpu_time_counts_what_a_process_really_used() -> None:
    with Program([sys.executable, "-c", "while True: pass"], name="busy") as busy:
        wait_until(lambda: (cpu_seconds(busy.pid) or 0) > 0.1, timeout=20)
    with Program([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"], name="calm") as calm:
        calm.wait_for_line("up")
        before = cpu_seconds(calm.pid)
        time.sleep(0.2)
        assert cpu_seconds(calm.pid) == before
        assert before is not None
    assert cpu_seconds(2**22 + 1) is None
