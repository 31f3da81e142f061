"""The chart on a real API server: admitted, upgraded, rolled back. Nothing is run there (see `api_server`).

`make chart-test` collects this file; to build the server takes twenty minutes, so no other command tries it."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.queues import WorkerRole
from tests.chart import api_server
from tests.chart.api_server import ApiServer
from tests.chart.rendering import CHART, EVERYTHING, EXAMPLE, rendered, run

HOW = "make chart-server, apt-get install etcd-server"
pytestmark = [
    pytest.mark.skipif(
        bool(api_server.MISSING),
        reason=f"NO API SERVER OF KUBERNETES: no {' and no '.join(api_server.MISSING)}; {HOW}",
    ),
    pytest.mark.timeout(300),
]


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with api_server.api_server() as running:
        finishing = asyncio.create_task(running.finish_jobs())
        yield running
        finishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await finishing


async def tried(server: ApiServer, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run, "helm", *command, "--namespace", "shop", environment=server.environment)


async def helm(server: ApiServer, *command: str | Path) -> str:
    done = await tried(server, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def workers(server: ApiServer) -> dict[str, tuple[str, int]]:
    """Of each version and role: which object it is, and how often it was changed."""
    found = {}
    for one in await server.listed("Deployment", "apps/v1"):
        meta = one["metadata"]
        component = meta["labels"]["app.kubernetes.io/component"]
        if component != "api":
            version = meta["labels"]["app.kubernetes.io/version"]
            found[f"{version} {component}"] = (meta["uid"], meta["generation"])
    return found


def of(*versions: str) -> set[str]:
    return {f"{version} worker-{role}" for version in versions for role in WorkerRole}


async def test_install_upgrade_and_back(server: ApiServer) -> None:
    upgrade = ("upgrade", "resellflow", CHART, "--values", EXAMPLE)
    told = await helm(server, "install", "resellflow", CHART, "--values", EXAMPLE)
    assert "resell setup /dev/stdin" in told
    before = await workers(server)
    assert before.keys() == of("0.1.0")
    assert sorted(server.hooks[:2]) == ["resellflow-migrate beside 0", "resellflow-namespace beside 0"], (
        "before all else"
    )
    assert server.hooks[2:] == ["resellflow-current beside 5"], "and after it"
    assert await server.names("ConfigMap", "v1") & {"resellflow-namespace"} == set(), "what only a job needed is gone"

    server.hooks.clear()
    await helm(server, *upgrade, "--set", "image.tag=0.2.0,api.tag=0.1.0,versioning.keep[0].tag=0.1.0")
    beside = await workers(server)
    assert beside.keys() == of("0.1.0", "0.2.0")
    assert {name: beside[name] for name in before} == before, "the old ones were not touched"
    assert sorted(server.hooks[:2]) == ["resellflow-migrate beside 5", "resellflow-namespace beside 5"]

    await helm(server, *upgrade, "--set", "image.tag=0.2.0")
    assert (await workers(server)).keys() == of("0.2.0")

    server.hooks.clear()
    await helm(server, "rollback", "resellflow", "1")
    assert (await workers(server)).keys() == of("0.1.0")
    assert server.hooks == ["resellflow-current beside 5"], "the schema stays, and new orders go to the old version"

    await helm(server, *upgrade, "--values", EVERYTHING)
    for kind, api in (
        ("ScaledObject", "keda.sh/v1alpha1"),
        ("ServiceMonitor", "monitoring.coreos.com/v1"),
        ("PrometheusRule", "monitoring.coreos.com/v1"),
    ):
        assert await server.names(kind, api), kind
    await helm(server, "uninstall", "resellflow")
    assert await server.names("Deployment", "apps/v1") == set()


async def test_a_migration_that_fails_changes_nothing_else(server: ApiServer) -> None:
    await helm(server, "install", "resellflow", CHART, "--values", EXAMPLE)
    before = await workers(server)
    server.hooks.clear()
    server.failing.add("resellflow-migrate")
    upgrade = ("upgrade", "resellflow", CHART, "--values", EXAMPLE, "--set", "image.tag=0.2.0")
    done = await tried(server, *upgrade)
    assert done.returncode != 0
    assert "pre-upgrade hooks failed" in done.stderr
    assert await workers(server) == before
    assert "resellflow-current beside 5" not in server.hooks

    server.failing.clear()
    await helm(server, *upgrade)
    assert (await workers(server)).keys() == of("0.2.0"), "and the next one is as if nothing had been"


@pytest.mark.parametrize("more", [[], ["--values", EVERYTHING], ["--set", "versioning.enabled=false"]])
async def test_every_object_and_every_pod_is_admitted(server: ApiServer, more: list[str | Path]) -> None:
    made = rendered(*more)
    for one in made.manifests:
        answer = await server.make(one, only_try=True)
        assert answer.status_code == 201, f"{one['kind']} {one['metadata']['name']}: {answer.text}"
        assert "warning" not in answer.headers, answer.headers["warning"]
    priority = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "business"},
        "value": 7,
    }
    assert (await server.make(priority)).status_code == 201
    for pod in made.pods():
        one = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "tried-", "labels": dict(pod.labels)},
            "spec": pod.spec,
        }
        answer = await server.make(one, only_try=True)
        assert answer.status_code == 201, f"{pod.name}: {answer.text}"
    lax = {**one, "spec": {**one["spec"], "securityContext": {}}}
    refused = await server.make(lax, only_try=True)
    assert refused.status_code == 403, "and a pod that is less locked down is not"
    assert "restricted" in refused.text
