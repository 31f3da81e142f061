"""The story of deploy/rehearse.sh: orders through the published port, and containers that are killed meanwhile.

Prints a line for each step. Its exit status is 0 only if every order was completed with one charge and every container
came back.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

NEVER_SECONDS = 600.0
"""Longer than anything here takes on a machine that has other things to do."""
LOOKS_EVERY = 0.5
OPENING_SECONDS = 6
"""Time in which the simulated upstream opens a server: each kill falls into it."""
LASTING = ("postgresql", "temporal", "temporal-ui", "worker", "poller", "api", "simulator")
VICTIMS = ("worker", "poller", "api", "temporal", "postgresql")
JOBS = ("backup-folder", "temporal-schema", "temporal-namespace", "migrate")
ORDERS_AT_A_KILL = 4


class Failed(Exception):
    """The rehearsal did not go as it should; the message says what."""


def wait_until(what: str, is_so: Callable[[], bool]) -> float:
    """Returns the seconds that it took. Raises Failed."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > NEVER_SECONDS:
            raise Failed(f"{what}: not within {NEVER_SECONDS:.0f} s")
        time.sleep(LOOKS_EVERY)
    return time.monotonic() - began


def call(method: str, url: str, *, token: str = "", key: str = "", body: object = None) -> Any:
    """The answer's document. Raises OSError, of which urllib's errors are kinds, for every answer that is an error."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
        return json.load(answer)


class Containers:
    """The containers of one Compose project."""

    def __init__(self, project: str) -> None:
        self._project = project

    def inspect(self, service: str) -> dict[str, Any]:
        labels = (f"project={self._project}", f"service={service}", "oneoff=False")
        filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
        ids = _docker("ps", "--all", "--quiet", *filters).split()
        if len(ids) != 1:
            raise Failed(f"{service} has {len(ids)} containers, not one")
        found: dict[str, Any] = json.loads(_docker("inspect", ids[0]))[0]
        return found

    def is_well(self, service: str) -> bool:
        """It runs, and its health check, if it has one, says so."""
        state = self.inspect(service)["State"]
        return bool(state["Running"]) and state.get("Health", {"Status": "healthy"})["Status"] == "healthy"

    def has_ended_well(self, job: str) -> bool:
        state = self.inspect(job)["State"]
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)

    def kill(self, service: str) -> None:
        """SIGKILL to its first process, from outside. `docker kill` would be somebody's wish: nothing restarts then."""
        os.kill(self.inspect(service)["State"]["Pid"], signal.SIGKILL)

    def check_limits(self) -> None:
        """What the file says has arrived at the engine. Raises Failed."""
        for service in (*LASTING, *JOBS):
            found = self.inspect(service)
            limits, log = found["HostConfig"], found["HostConfig"]["LogConfig"]["Config"]
            if not limits["Memory"] or not limits["PidsLimit"] or set(log) != {"max-size", "max-file"}:
                raise Failed(
                    f"{service} lacks a limit: memory {limits['Memory']}, processes {limits['PidsLimit']}, {log}"
                )
            for variable in found["Config"]["Env"]:
                name, _, value = variable.partition("=")
                if (
                    any(word in name for word in ("PASSWORD", "TOKEN", "SECRET", "_PWD"))
                    and "_FILE" not in name
                    and value
                ):
                    raise Failed(f"{service} has a secret in its environment: {name}")

    def memory(self) -> str:
        ids = [str(self.inspect(service)["Id"]) for service in LASTING]
        return _docker("stats", "--no-stream", "--format", "{{.Name}}: {{.MemUsage}}, {{.PIDs}} processes", *ids)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise Failed(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class Shop:
    """A storefront: all it knows is the API's published address, and its token from a file."""

    def __init__(self, api: str, token: str, simulator: str) -> None:
        self._api, self._token, self._simulator = api, token, simulator
        self._placed = 0
        self._services: list[int] = []

    def place(self, count: int) -> None:
        """Tries again, with the same idempotency key, until each order is accepted. Raises Failed."""
        for _ in range(count):
            self._placed += 1
            wait_until(f"order {self._placed} is accepted", self._is_accepted)

    def _is_accepted(self) -> bool:
        order = {"plan": "VDS-1", "period_months": 1, "customer": f"customer-{self._placed}"}
        try:
            url, key = f"{self._api}/v1/services", f"rehearsal-{self._placed}"
            placed = call("POST", url, token=self._token, key=key, body=order)
        except (OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise Failed(f"an order was answered {error.code}: {error.read().decode()}") from None
            return False
        self._services.append(placed["service"]["number"])
        return True

    def wait_for_all(self) -> float:
        return wait_until("every order is completed", lambda: not self._open())

    def _open(self) -> list[int]:
        try:
            statuses = {number: self._status(number) for number in self._services}
        except (OSError, ValueError):
            return self._services
        return [number for number, status in statuses.items() if status != "active"]

    def _status(self, number: int) -> str:
        return str(call("GET", f"{self._api}/v1/services/{number}", token=self._token)["status"])

    def check_charges(self) -> str:
        """Raises Failed unless there is one charge for each order, and one service at the upstream."""
        charges = call("GET", f"{self._simulator}/_sim/charges?operation=open")["charges"]
        of_items = Counter(charge["item"] for charge in charges)
        items = call("GET", f"{self._simulator}/_sim/items")["items"]
        if not len(set(self._services)) == len(of_items) == len(charges) == len(items) == self._placed:
            raise Failed(
                f"{self._placed} orders: {len(set(self._services))} services, {len(items)} items at the upstream, "
                f"{len(charges)} charges for {len(of_items)} items"
            )
        return f"{self._placed} orders, {len(items)} items, {len(charges)} charges"


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def kill_and_see(containers: Containers, shop: Shop, victim: str) -> None:
    """Orders are under way when it dies, and one more comes before it is back."""
    shop.place(ORDERS_AT_A_KILL - 1)
    restarts = containers.inspect(victim)["RestartCount"]
    containers.kill(victim)
    shop.place(1)
    back = wait_until(
        f"{victim} is back",
        lambda: containers.inspect(victim)["RestartCount"] > restarts and containers.is_well(victim),
    )
    ended = shop.wait_for_all()
    say(
        f"{victim} killed: well again {back:.0f} s after the next order was accepted, all orders ended {ended:.0f} s "
        f"later: {shop.check_charges()}"
    )


def tell(containers: Containers, shop: Shop, simulator: str, orders: int) -> None:
    took = sum(wait_until(f"{name} is well", partial(containers.is_well, name)) for name in LASTING)
    for job in JOBS:
        wait_until(f"{job} has ended", partial(containers.has_ended_well, job))
    say(f"everything is up ({took:.0f} s)")
    containers.check_limits()
    say("limits, log rotation, no secret in an environment: as docker-compose.yml says")
    call("PATCH", f"{simulator}/_sim/settings", body={"opening_delay": OPENING_SECONDS})
    call("POST", f"{simulator}/_sim/accounts/reseller/top-up", body={"amount": "1000.00"})
    shop.place(orders)
    ended = shop.wait_for_all()
    say(f"nothing killed: all orders ended {ended:.0f} s after the last was accepted: {shop.check_charges()}")
    for victim in VICTIMS:
        kill_and_see(containers, shop, victim)
    say("memory, of the limit:\n" + containers.memory())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", required=True, help="the Compose project")
    parser.add_argument("--api", required=True, help="the published address, like http://127.0.0.1:8080")
    parser.add_argument("--simulator", required=True, help="the published address, like http://127.0.0.1:1500")
    parser.add_argument("--token-file", required=True, type=Path, help="NAME=TOKEN of a storefront")
    parser.add_argument("--orders", type=int, default=10, help="orders before anything is killed")
    given = parser.parse_args()
    token = given.token_file.read_text().strip().partition("=")[2]
    try:
        tell(Containers(given.project), Shop(given.api, token, given.simulator), given.simulator, given.orders)
    except Failed as reason:
        say(f"FAILED: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
