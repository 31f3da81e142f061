"""The files a production is deployed from: as far as they can be tried without Docker."""

import importlib
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from models.enums import Role
from models.queues import WorkerRole, roles_of
from settings import load_settings
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


def composed() -> dict[str, Any]:
    """docker-compose.yml, with what its services share written out."""
    found: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    return found


def test_the_workers_of_the_compose_file_have_every_role_between_them() -> None:
    given = re.findall(r'"resellflow-worker", "--roles", "([\w,]+)"', (PROJECT / "docker-compose.yml").read_text())
    roles = [role for one in given for role in roles_of(one)]
    assert sorted(roles) == sorted(WorkerRole)


def test_every_program_that_the_containers_run_is_installed_with_the_project() -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    for name in {service["command"][0] for service in composed()["services"].values() if "build" in service} - {"sh"}:
        module, function = scripts[name].split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_every_container_is_limited_and_keeps_its_log_small() -> None:
    for name, service in composed()["services"].items():
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["restart"] in ("unless-stopped", "on-failure"), name


def test_every_image_is_named_with_its_whole_version() -> None:
    images = {service["image"] for service in composed()["services"].values()}
    images = {re.sub(r"\$\{\w+:-(.+?)\}", r"\1", image) for image in images} - {"resellflow:local"}
    base = re.search(r"(?m)^ARG PYTHON_IMAGE=(.+)$", (PROJECT / "Dockerfile").read_text())
    assert base is not None
    for image in images | {base[1]}:
        assert re.fullmatch(r"[\w/-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?", image), image


def test_the_image_has_the_python_that_the_lock_and_the_types_are_made_for() -> None:
    base = re.search(r"(?m)^ARG PYTHON_IMAGE=python:(\d+\.\d+)\.", (PROJECT / "Dockerfile").read_text())
    locked = re.search(r"--python-version (\S+)", (PROJECT / "Makefile").read_text())
    assert base is not None
    assert locked is not None
    typed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]["python_version"]
    assert base[1] == locked[1] == typed


def test_a_service_gets_only_the_secrets_that_it_uses_and_none_in_its_environment() -> None:
    services = composed()["services"]
    upstream, database = "main_upstream_password", "database_url"
    assert {name: set(service["secrets"]) for name, service in services.items() if "secrets" in service} == {
        "postgresql": {"postgres_password", "temporal_db_password", "resellflow_db_password"},
        "temporal-schema": {"temporal_db_password"},
        "temporal": {"temporal_db_password"},
        "migrate": {database},
        "worker": {database, upstream, "payload_keys", "webhook_keys", "shop_webhook_secret", "notifications"},
        "poller": {database, upstream, "payload_keys"},
        "api": {
            database,
            "storefront_tokens",
            "operator_tokens",
            "oidc_client_secret",
            upstream,
            "main_hint_secret",
            "payload_keys",
            "webhook_keys",
        },
        "codec-server": {"payload_keys"},
        "simulator": {upstream},
    }
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            is_of_a_secret = re.search(r"PASSWORD|TOKENS|SECRET|PWD|DATABASE_URL|_KEY", variable)
            assert not is_of_a_secret or variable.endswith("_FILE"), (name, variable, value)


def make_secrets(folder: Path, **given: str) -> dict[str, str]:
    done = run(str(DEPLOY / "make-secrets.sh"), env={"RESELLFLOW_SECRETS": str(folder), **given})
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_the_secrets_are_made_once_for_every_service(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make_secrets(folder, MAIN_UPSTREAM_PASSWORD="theirs")
    assert set(made) == set(composed()["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}, "services have several users"
    assert made["main_upstream_password"] == "theirs"
    assert f":{made['resellflow_db_password']}@" in made["database_url"]
    again = make_secrets(folder, MAIN_UPSTREAM_PASSWORD="another", RESELLFLOW_DB_PASSWORD="another")
    assert again == made


def test_the_made_secrets_are_settings_that_the_api_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    for name, variable in composed()["services"]["api"]["environment"].items():
        if name.endswith("TOKENS_FILE"):
            monkeypatch.setenv(name, variable.replace("/run/secrets", str(folder)))
    monkeypatch.setenv("RESELL_DATABASE_URL_FILE", str(folder / "database_url"))
    for name in ("RESELL_STOREFRONT_TOKENS", "RESELL_OPERATOR_TOKENS", "RESELL_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert [(name, role) for name, role, _ in settings.callers()] == [("shop", Role.STOREFRONT), ("ops", Role.ADMIN)]
    assert urlsplit(settings.database_url).hostname == "postgresql"


def with_secret(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    script = (DEPLOY / "with-secrets.sh").read_text().replace("/run/secrets", str(folder))
    return run("sh", "-c", script, "with-secrets.sh", *command)


def test_a_program_that_reads_no_files_gets_its_secret_as_a_variable(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("it's secret=yes\n")
    done = with_secret(tmp_path, "SQL_PASSWORD=password", "sh", "-c", 'printf "%s" "$SQL_PASSWORD"')
    assert (done.returncode, done.stdout) == (0, "it's secret=yes")
    (tmp_path / "password").write_text("")
    done = with_secret(tmp_path, "SQL_PASSWORD=password", "true")
    assert done.returncode != 0
    assert f"{tmp_path}/password is empty" in done.stderr
    assert with_secret(tmp_path, "SQL_PASSWORD=other", "true").returncode != 0


def test_the_example_settings_name_all_variables_and_no_others() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text()))
    shown = set(re.findall(r"(?m)^#? ?([A-Z_]+)=", (DEPLOY / "example.env").read_text()))
    assert shown == used


def test_all_parts_know_the_search_attributes_that_the_workflows_set() -> None:
    set_by_workflows = {key.name: "Keyword" for key in search_attributes.KEYWORDS}
    set_by_workflows |= {key.name: "Int" for key in search_attributes.INTEGERS}
    set_by_workflows |= {key.name: "Datetime" for key in search_attributes.TIMES}
    deployed = dict(re.findall(r"(\w+):(Keyword|Int|Datetime)\b", (DEPLOY / "temporal" / "namespace.sh").read_text()))
    assert set_by_workflows == SEARCH_ATTRIBUTES == deployed


def test_the_server_that_is_built_is_the_one_of_the_compose_file(tmp_path: Path) -> None:
    """`make cluster-test` builds it and runs it; here only what the script says before it builds."""
    script = DEPLOY / "temporal" / "build.sh"
    assert f"${{TEMPORAL_VERSION:-{wanted_version()}}}" in script.read_text()
    (tmp_path / "sh").symlink_to(shutil.which("sh") or "")
    done = run("sh", str(script), str(tmp_path / "built"), env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "Go is missing" in done.stderr


@pytest.mark.proof
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


@pytest.mark.proof
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
