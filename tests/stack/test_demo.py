"""`python -m stack demo` as its user runs it."""

import socket
import sys
from pathlib import Path

import pytest

from tests.infrastructure.processes import Program, free_port

PORTS = ("temporal", "ui", "api", "simulator", "worker-health")


@pytest.mark.timeout(240)
def test_the_demo_tells_three_stories_and_stops_all_it_started(tmp_path: Path) -> None:
    ports = {name: free_port() for name in PORTS}
    options = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    with Program([sys.executable, "-m", "stack", "demo", "--directory", tmp_path / "demo", *options]) as demo:
        code = demo.wait_for_exit(timeout=200)
        assert code == 0, demo.output
        for words in ("outcome_unknown", "waiting_for_funds", "3 (active)", "workflows/service-3-open-3"):
            assert words in demo.output, demo.output
        assert demo.output.count("completed") == 6
        for name, port in ports.items():
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something still listens on the {name} port"
