"""The real embedded stack, as `python -m stack up` runs it."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infrastructure.processes import Program

pytestmark = pytest.mark.timeout(300)  # on a busy machine six programs take their time to start

PORTS = ("--temporal-port", "--ui-port", "--api-port", "--simulator-port", "--worker-health-port")


def start(directory: Path) -> Program:
    ports = [part for option in PORTS for part in (option, "0")]
    return Program([sys.executable, "-m", "stack", "up", "--directory", directory, *ports], name="stack")


def variables(directory: Path) -> dict[str, str]:
    exports = re.findall(r"(?m)^export (\w+)='?(.*?)'?$", (directory / "environment.sh").read_text())
    return dict(exports)


def api(stack: Program, directory: Path) -> httpx.Client:
    """A client of the running stack's API, as the storefront."""
    address = stack.wait_for_line(r"Storefront API +(\S+)", timeout=90)[1]
    token = variables(directory)["RESELL_STOREFRONT_TOKENS"].removeprefix("demo=")
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10)


def operation(client: httpx.Client, number: int) -> Mapping[str, Any]:
    answer = client.get(f"/v1/operations/{number}").raise_for_status().json()
    assert isinstance(answer, dict)
    return answer


def test_the_command_that_is_offered_works_and_its_order_is_still_there_after_a_restart(tmp_path: Path) -> None:
    with start(tmp_path) as stack:
        command = stack.wait_for_line(r"^ +(\(\. .*resell order .*\))$", timeout=90)
        with Program(["sh", "-c", command[1]], name="resell order") as order:
            assert order.wait_for_exit(timeout=60) == 0, order.output
        assert stack.terminate(timeout=60) == 0
    with start(tmp_path) as stack, api(stack, tmp_path) as client:
        assert operation(client, 1)["stage"] == "completed"
        assert stack.terminate(timeout=60) == 0
