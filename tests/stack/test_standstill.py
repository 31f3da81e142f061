"""A process whose event loop stands still ends, so that whoever started it starts it again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infrastructure.processes import PROJECT

BLOCKED = """
import time, standstill
def stands_still(*_, **__):
    time.sleep(60)
standstill.LIMIT_SECONDS = 0.5
"""
WORKER = "import worker; worker.connect_client = stands_still; worker.main([])"
API = """
import asyncio
from settings import load_settings
from storefront import server
server.create_app = stands_still
asyncio.run(server.serve(load_settings(), '127.0.0.1', 0))
"""
PATIENT = """
import asyncio, standstill
standstill.LIMIT_SECONDS = 0.5
async def main():
    async with standstill.ends_at_a_standstill():
        await asyncio.sleep(1.5)
    print("was left alone")
asyncio.run(main())
"""


def python(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    env = {
        "PYTHONPATH": str(PROJECT),
        "RESELL_DATABASE_URL": "sqlite:///none.db",
        "RESELL_WORKER_HEALTH_ADDRESS": "",
        "TEMPORAL_ADDRESS": "127.0.0.1:9",
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=55, check=False)


@pytest.mark.parametrize("process", [WORKER, pytest.param(API, marks=pytest.mark.proof)], ids=["worker", "api"])
def test_a_process_that_stands_still_ends_and_says_where_it_stood(process: str, tmp_path: Path) -> None:
    done = python(BLOCKED + process, tmp_path)
    assert done.returncode == 1
    assert "stands_still" in done.stderr


def test_a_loop_that_turns_is_left_alone(tmp_path: Path) -> None:
    done = python(PATIENT, tmp_path)
    assert (done.returncode, done.stdout) == (0, "was left alone\n"), done.stderr
