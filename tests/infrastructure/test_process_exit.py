"""Leaving a process loses nothing but the interpreter's last step."""

import sys
import textwrap

from tests.infrastructure.processes import Program


def run(code: str) -> Program:
    with Program([sys.executable, "-c", textwrap.dedent(code)], env={"PYTHONUNBUFFERED": None}) as program:
        program.wait_for_exit()
    return program


def test_what_was_written_is_flushed_and_the_status_kept() -> None:
    program = run("""
        import process_exit
        print("not flushed yet", end="")
        process_exit.leave(3)
    """)
    assert program.returncode == 3
    assert program.output == "not flushed yet"


def test_exit_handlers_and_log_handlers_are_run() -> None:
    program = run("""
        import atexit, logging, logging.handlers, process_exit, sys
        kept = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
        logging.getLogger().addHandler(kept)
        logging.getLogger().warning("kept in memory")
        atexit.register(print, "exit handler")
        process_exit.leave(0)
    """)
    assert program.returncode == 0
    assert set(program.lines) == {"kept in memory", "exit handler"}


def test_a_reader_that_has_gone_away_does_not_change_the_status() -> None:
    program = run("""
        import os, process_exit, sys
        reading, writing = os.pipe()
        os.close(reading)
        sys.stdout = os.fdopen(writing, "w")
        print("nobody reads this")
        process_exit.leave(0)
    """)
    assert program.returncode == 0, program.output
