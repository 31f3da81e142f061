"""Programs that are forked instead of started: they behave as if they had been started, and end with their test."""

import json
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from tests.infrastructure import forking
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import Program, is_running

pytestmark = pytest.mark.skipif(not forking.AVAILABLE, reason="programs are forked on Linux only")

WAITS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def forked(code: str, *arguments: str, env: dict[str, str | None] | None = None) -> Program:
    return Program([sys.executable, "-c", textwrap.dedent(code), *arguments], env=env, forked=True)


@pytest.mark.parametrize(
    ("end", "status", "output"),
    [
        pytest.param("", 0, "", id="its end"),
        pytest.param("sys.exit()", 0, "", id="exit"),
        pytest.param("sys.exit(7)", 7, "", id="exit with a status"),
        pytest.param("sys.exit('no such file')", 1, "no such file", id="exit with words"),
        pytest.param("import process_exit; process_exit.leave(9)", 9, "", id="leave"),
        pytest.param("raise ValueError('broken')", 1, "ValueError: broken", id="exception"),
        pytest.param("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt", id="interrupt"),
        pytest.param("os.abort()", -signal.SIGABRT, "", id="signal"),
        pytest.param("atexit.register(print, 'bye')", 0, "bye", id="exit handler"),
        pytest.param("threading.Timer(0.1, print, ['last']).start()", 0, "last", id="thread"),
    ],
)
def test_it_ends_as_it_would(end: str, status: int, output: str) -> None:
    with forked(f"import atexit, os, sys, threading\n{end}") as program:
        assert program.wait_for_exit() == status
    assert (program.lines or [""])[-1] == output


REPORT = """\
import asyncio, gc, hashlib, json, os, random, signal, sys, threading
json.dump({
    "argv": sys.argv,
    "path": sys.path[0],
    "name": __name__,
    "main": sys.modules["__main__"].__dict__ is globals(),
    "file": globals().get("__file__"),
    "directory": os.getcwd(),
    "environment": {name: hashlib.sha256(os.fsencode(value)).hexdigest() for name, value in os.environ.items()},
    "session": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "input": sys.stdin.read(),
    "buffered": [sys.stdout.write_through, sys.stdout.line_buffering, sys.stderr.line_buffering],
    "encodings": [sys.stdout.encoding, sys.stdout.errors, sys.stderr.encoding, sys.stderr.errors],
    "handlers": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": len(threading.enumerate()),
    "gc": gc.isenabled(),
    "files": sorted(os.readlink(f"/proc/self/fd/{one}").split(":")[0] for one in os.listdir("/proc/self/fd")[:-1]),
}, sys.stdout)
"""


@pytest.mark.parametrize("unbuffered", ["1", None])
@pytest.mark.parametrize("how", ["-c", "-m", "file"])
def test_it_finds_what_a_started_one_finds(
    tmp_path: Path, how: str, unbuffered: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report_of_a_program.py").write_text(REPORT)
    program = {"-c": ["-c", REPORT], "-m": ["-m", "report_of_a_program"], "file": ["report_of_a_program.py"]}[how]
    monkeypatch.setenv("RESELL_INHERITED", "yes")
    env = {"RESELL_ADDED": "\u00e4 \udcff", "PATH": None, "PYTHONUNBUFFERED": unbuffered}
    found = []
    for is_forked in (False, True):
        command = [sys.executable, *program, "one", "two words"]
        with Program(command, env=env, cwd=tmp_path, forked=is_forked) as reporting:
            assert reporting.wait_for_exit() == 0, reporting.output
        found.append(json.loads(reporting.output))
    started, copied = found
    assert copied == started
    assert "RESELL_INHERITED" in copied["environment"]


def test_two_at_once_have_their_own_random_numbers_and_outputs() -> None:
    code = "import random, sys; print(sys.argv[1], random.random(), file=sys.stderr); sys.stdin.read(); print('end')"
    with forked(code, "first") as first, forked(code, "second") as second:
        for program in (first, second):
            assert program.wait_for_exit() == 0
    assert [program.lines[0].split()[0] for program in (first, second)] == ["first", "second"]
    assert [program.lines[1:] for program in (first, second)] == [["end"], ["end"]]
    assert first.lines[0].split()[1] != second.lines[0].split()[1]


def test_it_can_be_stopped_continued_and_killed() -> None:
    with forked("import itertools, time\nfor n in itertools.count(): print(n); time.sleep(0.01)") as program:
        program.wait_for_line("^3$")
        program.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{program.pid}/stat")
        wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
        assert program.running
        program.send_signal(signal.SIGCONT)
        program.wait_for_line(f"^{len(program.lines) + 10}$")
        assert program.kill() == -signal.SIGKILL
        assert not program.running


def test_its_children_are_gone_after_close() -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)"
    with forked(code) as program:
        grandchild = int(program.wait_for_line(r"^(\d+)$")[1])
        assert is_running(grandchild)
    assert program.returncode == -signal.SIGTERM
    wait_until(lambda: not is_running(grandchild))


OWNER = f"""
import sys, time
from tests.infrastructure.forking import start_zygote, use_zygote
from tests.infrastructure.processes import Program
use_zygote(sys.argv[1]) if sys.argv[1] else start_zygote("--empty")
child = 'import subprocess; print(subprocess.Popen(["sleep", "60"]).pid)' + "\\n" + {WAITS!r}
program = Program([sys.executable, "-c", child], forked=True)
print(program.wait_for_line("[0-9]+")[0], program.pid)
time.sleep(60)
"""


def test_it_dies_with_who_asked_for_it_even_if_that_is_killed() -> None:
    with forked(WAITS) as another, Program([sys.executable, "-c", OWNER, forking.zygote()]) as owner:
        another.wait_for_line(r"\d+")
        processes = [int(pid) for pid in owner.wait_for_line(r"^(\d+) (\d+)$").groups()]
        owner.kill()
        wait_until(lambda: not any(is_running(pid) for pid in processes), message="the whole group is gone")
        assert another.running


def test_it_dies_with_a_test_run_that_is_killed_and_nothing_is_left(tmp_path: Path) -> None:
    with Program([sys.executable, "-c", OWNER, ""], env={"TMPDIR": str(tmp_path)}) as owner:
        program = int(owner.wait_for_line(r"^\d+ (\d+)$")[1])
        zygote = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
        assert os.listdir(tmp_path) != []
        owner.kill()
        wait_until(lambda: not is_running(program) and not is_running(zygote), message="both are gone")
        assert os.listdir(tmp_path) == []


def test_a_program_that_is_not_there_is_said() -> None:
    with Program([sys.executable, "no_such_program.py"], forked=True) as program:
        assert program.wait_for_exit() == 1
    assert program.lines[-1].startswith("FileNotFoundError: ")
