"""The programs that tests run."""

import os
import signal
import sys
import textwrap

import pytest

from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import Program, ProgramFailed, free_port, is_running


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_a_line_is_waited_for() -> None:
    with Program(python("import time; print('ready on 7'); time.sleep(60)")) as program:
        assert program.wait_for_line(r"ready on (\d+)")[1] == "7"


def test_a_program_that_ends_before_it_is_ready_is_noticed_at_once_with_its_output() -> None:
    expected = r"(?s)wrote no line like 'ready'.*ended with status 3.*no such file"
    program = Program(python("import sys; print('no such file'); sys.exit(3)"))
    with program, pytest.raises(ProgramFailed, match=expected):
        program.wait_for_line("ready", timeout=20)


def test_http_is_waited_for() -> None:
    port = free_port()
    with Program([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]) as program:
        assert program.wait_for_http(f"http://127.0.0.1:{port}/").status_code == 200


def test_a_program_is_stopped_politely_and_killed_when_it_refuses() -> None:
    polite = Program(
        python("import signal,sys; signal.signal(15, lambda *_: sys.exit(7)); print('up'); signal.pause()")
    )
    polite.wait_for_line("up")
    assert polite.terminate() == 7
    deaf = Program(python("import signal; signal.signal(15, signal.SIG_IGN)\nprint('up')\nwhile True: signal.pause()"))
    deaf.wait_for_line("up")
    deaf.close(timeout=0.2)
    assert deaf.returncode == -signal.SIGKILL


def test_grandchildren_are_gone_after_close() -> None:
    with Program(
        python("import subprocess,sys,time; print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)")
    ) as program:
        grandchild = int(program.wait_for_line(r"^(\d+)$")[1])
        assert is_running(grandchild)
    wait_until(lambda: not is_running(grandchild))


def test_the_environment_can_be_extended_and_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_INHERITED", "yes")
    code = "import os; print([os.environ.get(n) for n in ('RESELL_ADDED', 'RESELL_INHERITED')])"
    with Program(python(code), env={"RESELL_ADDED": "1", "RESELL_INHERITED": None}) as program:
        program.wait_for_line(r"\['1', None\]")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_can_run_a_program_as_somebody_else() -> None:
    with Program(["id", "-un"], user="nobody", cwd=None) as program:
        program.wait_for_line("^nobody$")


def test_an_unknown_program_is_said() -> None:
    with Program(["no-such-program"]) as program:
        program.wait_for_line("can't run no-such-program: No such file or directory")
