"""The process: how it starts, stops, and what it remembers when it is killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from simulator.__main__ import main
from simulator.store import Store
from simulator.world import World
from tests.infrastructure.processes import Program
from tests.simulator.running import ORDER, USER, Simulator

Start = Callable[[], Simulator]


def test_a_killed_simulator_has_lost_nothing_that_it_charged(start: Start) -> None:
    first = start()
    first.set(opening_delay=0, orders_return="item.id", remoteid_in_lists=False)
    first.admin("POST", f"/accounts/{USER}/top-up", {"amount": "20.00"})
    first.set(opening_delay=3600)
    first.xml("v2.vds.order.param", ORDER, remoteid="a-1")
    first.fault(kind="cut", when="after", sok=True)
    with pytest.raises(httpx.RemoteProtocolError):
        first.raw("v2.vds.order.param", ORDER, remoteid="a-2")
    first.kill()

    second = start()
    assert [charge["remoteid"] for charge in second.charges()] == ["a-1", "a-2"]
    items = second.admin("GET", "/items")["items"]
    assert [(item["remoteid"], item["status"]) for item in items] == [("a-1", 5), ("a-2", 5)]
    assert second.balance() == "110.00"
    assert len(second.xml("payment").findall("elem")) == 1
    settings = second.admin("GET", "/settings")
    assert (settings["orders_return"], settings["remoteid_in_lists"]) == ("item.id", False)
    assert not second.admin("GET", "/faults")["faults"], "faults are gone with the process"


def test_time_numbers_and_balances_go_on_over_a_restart(start: Start) -> None:
    first = start()
    first.admin("POST", "/clock", {"advance_days": 40})
    first.set(opening_delay=0.3)
    opening = first.order()
    vanished = first.order()
    first.admin("DELETE", f"/items/{vanished}?how=vanish")
    first.admin("PATCH", f"/accounts/{USER}", {"balance": "7.77"})
    first.kill()

    second = start()
    assert second.balance() == "7.77", "the command line makes accounts that are missing, it does not overwrite"
    assert second.admin("GET", "/clock")["offset_seconds"] == pytest.approx(40 * 86400)
    assert second.wait_for_status(opening, "2")["expiredate"]
    assert [row["id"] for row in second.rows()] == [str(opening)]
    assert second.order() > vanished


def test_sigterm_ends_it_quickly_and_cleanly_with_requests_under_way(start: Start) -> None:
    simulator = start()
    simulator.fault(function="vds", kind="stall", seconds=60)
    failures: list[Exception] = []

    def stalled() -> None:
        try:
            httpx.post(simulator.url, data={"func": "vds"}, timeout=20)
        except httpx.TransportError as error:
            failures.append(error)

    thread = threading.Thread(target=stalled)
    thread.start()
    while not simulator.admin("GET", "/faults")["faults"][0]["hits"]:
        pass
    took = simulator.stop()
    thread.join(5)
    assert simulator.program.returncode == 0
    assert took < 1
    assert len(failures) == 1


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_state_file_that_is_in_use_or_something_else_is_said(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    assert main(["--port", "0", "--state", str(tmp_path / "state.db")]) == 1
    assert "state.db: database is locked" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("Not a database. " * 100)
    assert main(["--port", "0", "--state", str(tmp_path / "notes.txt")]) == 1
    assert "notes.txt: file is not a database" in capsys.readouterr().err


def test_knobs_and_choices_of_an_older_simulator_are_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    store.write([("meta", 0, '{"next_id": 7, "settings": {"opening_delay": 5, "gone": 1, "quote": "full"}}')], [])
    store.close()
    world = World(tmp_path / "state.db", [])
    assert (world.meta.next_id, world.settings.opening_delay, world.settings.quote) == (7, 5, "nested")
    world.close()


@pytest.mark.parametrize("spec", ["name", "name:password", "name:password:money:EUR", ":password:1:EUR"])
def test_a_misspelt_account_is_refused(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--port", "0", "--account", spec])
    assert "--account" in capsys.readouterr().err


def test_it_imports_nothing_of_the_product() -> None:
    script = (
        "import sys, simulator.__main__\n"
        "product = {'activities', 'catalogue', 'cli', 'models', 'orders', 'settings', 'stack', 'starter', 'storefront',"
        " 'temporalio', 'upstreams', 'worker', 'workflows'}\n"
        "print(sorted(product & {name.partition('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout.strip() == "[]"


def test_its_log_is_json_where_it_is_no_terminal() -> None:
    """Its own lines and those of the HTTP server; the address stays a line for whoever starts it."""
    variables = {"RESELL_LOG_LEVEL": "debug", "RESELL_LOG_FORMAT": None}
    with Program([sys.executable, "-m", "simulator", "--port", "0"], env=variables, forked=True) as program:
        url = program.wait_for_line(r"^simulator ready (\S+)$")[1]
        assert httpx.post(url, data={"func": "vds", "authinfo": "reseller:sec-ret"}).is_success
        with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), timeout=30) as garbage:
            garbage.sendall(b"this is no HTTP\r\n\r\n")
            assert garbage.recv(1000)
        program.wait_for_line("Invalid HTTP request")
    lines = [json.loads(line) for line in program.lines if not line.startswith("simulator ready ")]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("simulator", "info"),
        ("simulator.requestlog", "debug"),
        ("uvicorn.error", "warning"),
    ]
    assert lines[1]["message"].startswith("POST vds: ")
    assert "sec-ret" not in program.output


def test_a_format_of_the_log_that_is_none_is_said() -> None:
    with Program([sys.executable, "-m", "simulator", "--port", "0"], env={"RESELL_LOG_FORMAT": "xml"}) as program:
        assert program.wait_for_exit() == 2
    assert program.lines == ["simulator: RESELL_LOG_FORMAT: one of auto, json, text is right"]
