"""The files a production is deployed from: as far as they can be tried without Docker."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from models.queues import WorkerRole, roles_of
from stack.embedded import SEARCH_ATTRIBUTES, temporal_program
from tests.cluster.programs import wanted_version
from tests.infrastructure.databases import NoServer, server_of_our_own
from tests.infrastructure.processes import PROJECT
from tests.infrastructure.temporal import TemporalServer
from workflows import search_attributes

DEPLOY = PROJECT / "deploy"


def compose_program() -> list[str]:
    """Docker Compose, as a plugin or a program of its own; it reads the file without a Docker daemon."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if (
        shutil.which("docker")
        and subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0
    ):
        return plugin
    pytest.skip("NO DOCKER COMPOSE, docker-compose.yml is not checked: install docker-compose")


def run(*command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end, within a minute, in the project's directory."""
    whole = None if env is None else {**os.environ, **env}
    return subprocess.run(command, cwd=PROJECT, env=whole, capture_output=True, text=True, timeout=60, check=False)


def test_the_compose_file_is_valid_with_the_example_settings() -> None:
    example = "deploy/example.env"
    done = run(*compose_program(), "--env-file", example, "--profile", "*", "config", "--services")
    assert done.returncode == 0, done.stderr
    assert {
        "postgresql",
        "temporal",
        "temporal-ui",
        "migrate",
        "worker",
        "poller",
        "api",
        "simulator",
        "codec-server",
    } <= set(done.stdout.split())


def test_the_workers_of_the_compose_file_have_every_role_between_them() -> None:
    given = re.findall(r'"worker", "--roles", "([\w,]+)"', (PROJECT / "docker-compose.yml").read_text())
    roles = [role for one in given for role in roles_of(one)]
    assert sorted(roles) == sorted(WorkerRole)


def test_a_missing_secret_is_refused_and_the_example_named(tmp_path: Path) -> None:
    incomplete = tmp_path / "incomplete.env"
    lines = (DEPLOY / "example.env").read_text().splitlines()
    incomplete.write_text("\n".join(line for line in lines if not line.startswith("RESELLFLOW_DB_PASSWORD")))
    done = run(*compose_program(), "--env-file", str(incomplete), "config")
    assert done.returncode != 0
    assert "RESELLFLOW_DB_PASSWORD" in done.stderr
    assert "see deploy/example.env" in done.stderr


def test_the_example_settings_name_all_variables_and_no_others() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text()))
    shown = set(re.findall(r"(?m)^#? ?([A-Z_]+)=", (DEPLOY / "example.env").read_text()))
    assert shown == used


def test_all_parts_know_the_search_attributes_that_the_workflows_set() -> None:
    set_by_workflows = {key.name: "Keyword" for key in search_attributes.KEYWORDS}
    set_by_workflows |= {key.name: "Int" for key in search_attributes.INTEGERS}
    deployed = dict(re.findall(r"(\w+):(Keyword|Int)\b", (DEPLOY / "temporal" / "namespace.sh").read_text()))
    assert set_by_workflows == SEARCH_ATTRIBUTES == deployed


def test_the_server_that_is_built_is_the_one_of_the_compose_file(tmp_path: Path) -> None:
    """`make cluster-test` builds it and runs it; here only what the script says before it builds."""
    script = DEPLOY / "temporal" / "build.sh"
    assert f"${{TEMPORAL_VERSION:-{wanted_version()}}}" in script.read_text()
    (tmp_path / "sh").symlink_to(shutil.which("sh") or "")
    done = run("sh", str(script), str(tmp_path / "built"), env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "Go is missing" in done.stderr


async def test_the_namespace_job_makes_what_is_missing_and_can_be_run_again(
    temporal_server: TemporalServer, temporal_client: Client
) -> None:
    namespace = "made-by-the-job"
    env = {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "TEMPORAL_NAMESPACE": namespace,
        "RETENTION": "30d",
        "PATH": f"{Path(temporal_program()).parent}:{os.environ['PATH']}",
    }
    for _ in range(2):
        done = run("sh", str(DEPLOY / "temporal" / "namespace.sh"), env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    operator = temporal_client.operator_service
    known = (await operator.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))).custom_attributes
    assert set(SEARCH_ATTRIBUTES) <= set(known)


def test_the_database_job_makes_databases_that_only_their_owners_can_use() -> None:
    if not shutil.which("psql"):
        pytest.skip("NO PSQL, deploy/postgresql is not checked")
    try:
        server = server_of_our_own()
        url = server.__enter__()
    except NoServer as reason:
        pytest.skip(f"deploy/postgresql is not checked: {reason}")
    try:
        address = urlsplit(url)
        env = {
            "PGHOST": str(address.hostname),
            "PGPORT": str(address.port),
            "POSTGRES_USER": str(address.username),
            "TEMPORAL_DB_PASSWORD": "it's",
            "RESELLFLOW_DB_PASSWORD": "hers",
        }
        done = run("sh", str(DEPLOY / "postgresql" / "create-databases.sh"), env=env)
        assert done.returncode == 0, done.stderr
        at = f"{address.hostname}:{address.port}"
        for user, database in (
            ("temporal", "temporal"),
            ("temporal", "temporal_visibility"),
            ("resellflow", "resellflow"),
        ):
            with psycopg.connect(f"postgresql://{user}@{at}/{database}") as connection:
                connection.execute("CREATE TABLE ours (id integer)")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(f"postgresql://temporal@{at}/resellflow")
    finally:
        server.__exit__(None, None, None)


def test_the_image_gets_every_package_of_the_project() -> None:
    packages = {file.parent.name for file in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    client = "clients/python/resellflow_client"
    modules = {file.stem for file in PROJECT.glob("*.py")}
    setuptools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]
    included = {pattern.removesuffix("*") for pattern in setuptools["packages"]["find"]["include"]}
    assert included == packages | {Path(client).name}
    assert set(setuptools["py-modules"]) == modules
    let_in = set(re.findall(r"(?m)^!(.+)/$", (PROJECT / ".dockerignore").read_text()))
    assert let_in == packages | {client}


def test_the_tool_that_builds_the_wheel_is_locked_with_hashes() -> None:
    pattern = re.search(r"awk '(.+?)' requirements-dev\.txt", (PROJECT / "Dockerfile").read_text())
    assert pattern is not None
    done = run("awk", pattern[1], "requirements-dev.txt")
    assert re.fullmatch(r"setuptools==\S+ \\\n( +--hash=sha256:\w+( \\)?\n)+( +#.*\n)*", done.stdout)
