"""The chart as Helm renders it, by a program of its own: `make chart-tools` brings it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.infrastructure.processes import PROJECT

TOOLS = PROJECT / ".venv" / "chart" / "bin"
CHART = PROJECT / "deploy" / "helm" / "resellflow"
EXAMPLE = PROJECT / "deploy" / "helm" / "example.yaml"
EVERYTHING = Path(__file__).parent / "everything.yaml"
OLDEST, NEWEST = "1.30", "1.36"
"""Versions of Kubernetes that the chart is for, and that it is tried with."""
OURS = "registry.example.com/resellflow"

Manifest = dict[str, Any]


def program(name: str) -> str | None:
    """Where it is: among the chart's tools, or on the path."""
    return shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")


MISSING = [name for name in ("helm", "kubernetes-validate") if program(name) is None]
SKIPPED = f"THE CHART IS NOT RENDERED: no {' and no '.join(MISSING)}; make chart-tools"


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One of the tools; it ends within a minute."""
    path = program(str(command[0]))
    assert path is not None, SKIPPED
    whole = {**os.environ, **(environment or {})}
    return subprocess.run(
        [path, *map(str, command[1:])], capture_output=True, text=True, timeout=60, check=False, env=whole
    )


def template(*options: str | Path, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    common = ("--kube-version", OLDEST, "--namespace", "shop", "--values", EXAMPLE)
    return run("helm", "template", "resellflow", chart, *common, *options)


def rendered(*options: str | Path, chart: Path = CHART) -> "Rendered":
    """With the values of the example, and these."""
    done = template(*options, chart=chart)
    assert done.returncode == 0, done.stderr
    return Rendered([one for one in yaml.safe_load_all(done.stdout) if one])


@dataclass(frozen=True)
class Pod:
    owner: Manifest
    spec: Manifest
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"

    @property
    def container(self) -> Manifest:
        (only,) = self.spec["containers"]
        found: Manifest = only
        return found

    @property
    def env(self) -> dict[str, Any]:
        """Name → value; what comes from a secret as it is written."""
        return {one["name"]: one.get("value", one.get("valueFrom")) for one in self.container.get("env", [])}

    @property
    def secrets(self) -> set[str]:
        """SECRET or SECRET/KEY of all that is mounted."""
        found: set[str] = set()
        for volume in self.spec["volumes"]:
            if "secret" in volume:
                found.add(volume["secret"]["secretName"])
            for source in volume.get("projected", {}).get("sources", []):
                found |= {f"{source['secret']['name']}/{item['key']}" for item in source["secret"]["items"]}
        return found


@dataclass(frozen=True)
class Rendered:
    manifests: list[Manifest]

    def of(self, kind: str) -> list[Manifest]:
        return [one for one in self.manifests if one["kind"] == kind]

    def pods(self) -> Iterator[Pod]:
        for one in (*self.of("Deployment"), *self.of("Job")):
            template = one["spec"]["template"]
            yield Pod(one, template["spec"], template["metadata"]["labels"])

    def workers(self) -> list[Pod]:
        return [pod for pod in self.pods() if pod.container["name"] == "worker"]

    def pod(self, container: str) -> Pod:
        (found,) = [pod for pod in self.pods() if pod.container["name"] == container]
        return found


def role_of(pod: Pod) -> str:
    command: list[str] = pod.container["command"]
    return command[command.index("--roles") + 1]


def fits(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()
