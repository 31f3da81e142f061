"""The simulator's page says what is there, and its examples work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.faults import FaultKind, FaultSpec
from simulator.knobs import Settings
from tests.simulator.running import PASSWORD, USER, Simulator

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_every_knob_is_described() -> None:
    assert [knob for knob in Settings.model_fields if f"`{knob}`" not in PAGE] == []


def test_every_fault_is_described() -> None:
    words = [*FaultSpec.model_fields, *(kind.value for kind in FaultKind)]
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_every_option_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    for option in set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}:
        assert f"`{option}" in PAGE


def test_every_example_works(sim: Simulator) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    examples = [command for command in commands if command.startswith("curl ")]
    assert len(examples) > 30
    item = fault = ""
    for command in commands:
        if command.startswith("ITEM="):
            item = str(sim.admin("GET", "/items")["items"][0]["id"])
        if command.startswith("FAULT="):
            fault = str(sim.admin("GET", "/faults")["faults"][0]["id"])
        if command.startswith("curl "):
            command = command.replace("reseller:secret", f"{USER}:{PASSWORD}")
            run(sim, command.replace("$SIM", f"{sim.root}/_sim").replace("$ITEM", item).replace("$FAULT", fault))


def run(sim: Simulator, command: str) -> None:
    words = shlex.split(command)
    method, url = "", ""
    data: list[str] = []
    arguments = iter(words[1:])
    for word in arguments:
        match word:
            case "-s":
                pass
            case "-X":
                method = next(arguments)
            case "-d":
                data.append(next(arguments))
            case _:
                url = word.replace("http://127.0.0.1:1500", sim.root)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = sim.client.request(method or ("POST" if data else "GET"), url, content="&".join(data), headers=headers)
    assert answer.is_success, f"{command}: {answer.text}"
    assert "<error" not in answer.text
