"""The real embedded stack as its users run it: the demo, then the same data with `python -m stack up`.

The second starts from what the first leaves. Each stack is six programs, so only the demo is in `make test`.
"""

import json
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infrastructure.processes import Program, free_port

PORTS = ("temporal", "ui", "api", "simulator", "worker-health")


def free_ports() -> dict[str, int]:
    return {name: free_port() for name in PORTS}


def stack(command: str, directory: Path, ports: Mapping[str, int]) -> Program:
    """One that has been started."""
    options = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    arguments: list[str | Path] = [sys.executable, "-m", "stack", command, "--directory", directory, *options]
    # Really started, not forked: a missing import is seen here, also in what the stack itself starts, which are
    # worker.py, `python -m simulator` and `resell`. `python -m cli` is really started in tests/cli/test_failures.py.
    return Program(arguments, name=f"stack {command}")


def assert_nothing_listens(ports: Mapping[str, int]) -> None:
    for name, port in ports.items():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something still listens on the {name} port"


def api(running: Program, directory: Path) -> httpx.Client:
    """A client of the running stack's API, as an operator: what `resell order` orders is no storefront's."""
    address = running.wait_for_line(r"Storefront API +(\S+)", timeout=90)[1]
    exports = dict(re.findall(r"(?m)^export (\w+)='?(.*?)'?$", (directory / "environment.sh").read_text()))
    token = exports["RESELL_OPERATOR_TOKENS"].removeprefix("operator=")
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10)


def operation(client: httpx.Client, number: int) -> Mapping[str, Any]:
    answer = client.get(f"/v1/operations/{number}").raise_for_status().json()
    assert isinstance(answer, dict)
    return answer


def the_demo_tells_three_stories(directory: Path, ports: Mapping[str, int]) -> None:
    with stack("demo", directory, ports) as demo:
        code = demo.wait_for_exit(timeout=200)
        assert code == 0, demo.output
    for words in ("outcome_unknown", "waiting_for_funds", "3 (active)", "workflows/service-3-open-3"):
        assert words in demo.output, demo.output
    assert demo.output.count("completed") == 6
    assert_nothing_listens(ports)


@pytest.mark.timeout(300)  # on a busy machine six programs take their time to start
@pytest.mark.proof
def test_the_demo_tells_three_stories(tmp_path: Path) -> None:
    the_demo_tells_three_stories(tmp_path, free_ports())


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_what_the_demo_did_is_still_there_when_the_stack_is_up_again(tmp_path: Path) -> None:
    ports = free_ports()
    the_demo_tells_three_stories(tmp_path, ports)

    catalogue = tmp_path / "catalogue.toml"
    edited = catalogue.read_text(encoding="utf-8").replace("7.90 EUR", "8.90 EUR")
    catalogue.write_text(edited, encoding="utf-8")

    with stack("up", tmp_path, ports) as up, api(up, tmp_path) as client:
        assert [operation(client, number)["stage"] for number in (1, 2, 3)] == ["completed"] * 3
        command = up.wait_for_line(r"^ +(\(\. .*resell order .*\))$", timeout=90)
        with Program(["sh", "-c", command[1]], name="resell order") as order:
            assert order.wait_for_exit(timeout=60) == 0, order.output
        assert operation(client, 4)["stage"] == "completed"
        typed = f'. {tmp_path}/environment.sh; resell operations show 4 && echo "$API $TOKEN"'
        with Program(["sh", "-c", typed], name="resell operations") as shell:
            assert shell.wait_for_exit(timeout=60) == 0, shell.output
            assert f"{client.base_url} {client.headers['Authorization'].removeprefix('Bearer ')}" in shell.output
        console = up.wait_for_line(r"^  Console +(http\S+/console) ", timeout=30)
        said = up.wait_for_line(r"^  (resell users add .*)$", timeout=30)
        with Program(["sh", "-c", f". {tmp_path}/environment.sh; {said[1]} --json"], name="resell users") as shell:
            assert shell.wait_for_exit(timeout=60) == 0, shell.output
            person = json.loads(shell.output)
        with httpx.Client(follow_redirects=True, trust_env=False) as browser:
            page = browser.post(
                f"{console[1]}/log-in", data={"name": person["name"], "password": person["password"], "next": ""}
            )
            assert (page.status_code, "Log out" in page.text) == (200, True), page.text
        assert "tokens.json" in up.output
        assert "catalogue.toml was edited: it stays as it is" in up.output
        assert catalogue.read_text(encoding="utf-8") == edited
        assert up.terminate(timeout=60) == 0
    assert_nothing_listens(ports)
