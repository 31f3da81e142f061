"""A Kubernetes API server of our own, with etcd, without anything that would run a pod: it takes, keeps and refuses.

No kubelet and no controller: a Deployment makes no pods, a Job does not run. `finish_jobs` says in their place that a
job has succeeded or failed, so that Helm's hooks go on.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.chart.rendering import TOOLS, Manifest, program
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port

TOKEN = "token-of-the-test"
CRDS = TOOLS.parent / "crds"
NEVER = 60.0
MISSING = [name for name in ("helm", "etcd", "kube-apiserver") if program(name) is None]

_PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "PriorityClass": "priorityclasses"}


class ApiServer:
    def __init__(self, address: str, directory: Path) -> None:
        self.address = address
        self._directory = directory
        # Its certificate was made a moment ago, by itself.
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.http = httpx.AsyncClient(base_url=address, verify=False, headers=headers, trust_env=False)  # noqa: S501
        self.hooks: list[str] = []
        """Jobs in the order in which Helm has made them, each with the Deployments that there were."""
        self.failing: set[str] = set()
        """Jobs that fail."""

    @property
    def environment(self) -> dict[str, str]:
        """By which Helm finds it."""
        file = self._directory / "kubeconfig"
        cluster = {"server": self.address, "insecure-skip-tls-verify": True}
        context = {"cluster": "test", "user": "test", "namespace": "shop"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        file.write_text(yaml.safe_dump(config))
        home = str(self._directory / "helm")
        return {"KUBECONFIG": str(file), "HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home}

    async def make(self, manifest: Manifest, *, only_try: bool = False) -> httpx.Response:
        """Create it, or see whether it would be taken; unknown fields are refused."""
        parameters = {"fieldValidation": "Strict", **({"dryRun": "All"} if only_try else {})}
        return await self.http.post(self._collection(manifest), json=manifest, params=parameters)

    async def names(self, kind: str, api: str) -> set[str]:
        """Of all that there are in the namespace."""
        return {one["metadata"]["name"] for one in await self.listed(kind, api)}

    async def listed(self, kind: str, api: str) -> list[Manifest]:
        answer = await self.http.get(self._collection({"kind": kind, "apiVersion": api}))
        answer.raise_for_status()
        items: list[Manifest] = answer.json()["items"]
        return items

    def _collection(self, manifest: Mapping[str, Any]) -> str:
        kind, api = manifest["kind"], manifest["apiVersion"]
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        plural = _PLURALS.get(kind, f"{kind.lower()}s")
        everywhere = kind in {"Namespace", "CustomResourceDefinition", "PriorityClass"}
        return f"{root}/{plural}" if everywhere else f"{root}/namespaces/shop/{plural}"

    async def add_kinds_of_others(self) -> None:
        """KEDA's and the Prometheus operator's, as they ship them."""
        files = sorted(CRDS.glob("*.yaml"))
        assert files, "make chart-server brings them"
        for file in files:
            answer = await self.http.post(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=yaml.safe_load(file.read_text())
            )
            answer.raise_for_status()
        for api in ("keda.sh/v1alpha1", "monitoring.coreos.com/v1"):
            await assert_eventually(partial(self._serves, api), timeout=NEVER, message=f"{api} is served")

    async def _serves(self, api: str) -> bool:
        return (await self.http.get(f"/apis/{api}")).is_success

    async def finish_jobs(self) -> None:
        """Until it is cancelled: what a job would have done is not done."""
        seen: set[str] = set()
        while True:
            for job in await self.listed("Job", "batch/v1"):
                meta = job["metadata"]
                if meta["uid"] not in seen:
                    seen.add(meta["uid"])
                    deployments = len(await self.names("Deployment", "apps/v1"))
                    self.hooks.append(f"{meta['name']} beside {deployments}")
                    await self._ended(meta["name"])
            await asyncio.sleep(0.05)

    async def _ended(self, name: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fails = name in self.failing
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now}
            for kind in (("FailureTarget", "Failed") if fails else ("SuccessCriteriaMet", "Complete"))
        ]
        status: dict[str, Any] = {"startTime": now, "conditions": conditions, "uncountedTerminatedPods": {}}
        status |= {"failed": 5} if fails else {"completionTime": now, "succeeded": 1}
        answer = await self.http.patch(
            f"/apis/batch/v1/namespaces/shop/jobs/{name}/status",
            json={"status": status},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text


@contextlib.asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    """With a namespace `shop` that admits only pods that are `restricted`."""
    with tempfile.TemporaryDirectory(prefix="kubernetes-") as name, contextlib.ExitStack() as programs:
        directory = Path(name)
        store = f"http://127.0.0.1:{free_port()}"
        programs.enter_context(_etcd(store, directory))
        port = free_port()
        programs.enter_context(_apiserver(store, port, directory))
        server = ApiServer(f"https://127.0.0.1:{port}", directory)
        async with server.http:
            await assert_eventually(
                partial(_ready, server), timeout=NEVER, ignoring=(httpx.HTTPError,), message="ready"
            )
            await server.add_kinds_of_others()
            labels = {"pod-security.kubernetes.io/enforce": "restricted"}
            made = await server.make(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
            )
            made.raise_for_status()
            yield server


async def _ready(server: ApiServer) -> bool:
    return (await server.http.get("/readyz")).is_success


def _etcd(store: str, directory: Path) -> Program:
    among = f"http://127.0.0.1:{free_port()}"
    addresses = ["--listen-client-urls", store, "--advertise-client-urls", store, "--listen-peer-urls", among]
    return Program(
        [str(program("etcd")), "--data-dir", directory / "etcd", *addresses, "--unsafe-no-fsync"],
        env={"ETCD_UNSUPPORTED_ARCH": None},
    )


def _apiserver(store: str, port: int, directory: Path) -> Program:
    key = directory / "accounts.key"
    key.write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    tokens = directory / "tokens"
    tokens.write_text(f'{TOKEN},test,1,"system:masters"\n')
    options = {
        "etcd-servers": store,
        "bind-address": "127.0.0.1",
        "secure-port": str(port),
        "cert-dir": str(directory / "certificates"),
        "token-auth-file": str(tokens),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "service-cluster-ip-range": "10.96.0.0/16",
        # Accounts are made by a controller, and there is none.
        "disable-admission-plugins": "ServiceAccount",
    }
    return Program([str(program("kube-apiserver")), *(f"--{name}={value}" for name, value in options.items())])
