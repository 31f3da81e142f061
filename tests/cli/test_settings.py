"""`resell settings --check` finds what would stop a process later; secrets may be in files; none is shown."""

import socket
from pathlib import Path

import pytest

from environment import FILES, without_values
from models.database import Database
from models.webhooks import WebhookEndpoint
from settings import Settings
from tests.cli.shell import Run, Shell
from tests.flow.shop import PASSWORD_VARIABLE
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import TemporalServer

SECRET = "s3cr3t-s3cr3t"


@pytest.fixture
def here(sqlite_url: str, temporal_server: TemporalServer) -> Shell:
    """A shell in which everything is right: nothing listens on its ports."""
    ports = {"RESELL_API_PORT": str(free_port()), "RESELL_WORKER_HEALTH_ADDRESS": f"127.0.0.1:{free_port()}"}
    temporal = {"TEMPORAL_ADDRESS": temporal_server.address, "TEMPORAL_NAMESPACE": "test-1"}
    return Shell({"RESELL_DATABASE_URL": sqlite_url, **temporal, **ports})


def wrong(run: Run) -> list[str]:
    return [line.removeprefix("wrong").strip() for line in run.lines if line.startswith("wrong")]


async def checked(shell: Shell) -> list[str]:
    """What is wrong; the command fails exactly if something is."""
    run = await shell.resell("settings", "--check")
    found = wrong(run)
    assert run.status == int(bool(found)), run
    assert SECRET not in run.out + run.err
    return found


async def test_all_is_well(here: Shell) -> None:
    run = (await here.resell("settings", "--check")).done()
    assert {line.split()[0] for line in run.lines} == {"ok"}
    assert any("the database answers" in line for line in run.lines)
    assert any("Temporal answers; namespace test-1" in line for line in run.lines)


async def test_a_variable_that_nobody_reads_is_named_with_the_one_that_is_meant(here: Shell) -> None:
    here.variables |= {"RESELL_IDLE_INTERVALL": "5", "RESELL_STACK_DIR": "x", "RESELL_ENTIRELY_ELSE": SECRET}
    assert await checked(here) == [
        "RESELL_ENTIRELY_ELSE: there is no such setting",
        "RESELL_IDLE_INTERVALL: there is no such setting; is RESELL_IDLE_INTERVAL meant?",
    ]


async def test_a_variable_that_the_catalogue_names_is_read(here: Shell) -> None:
    await endpoint(here, WebhookEndpoint(name="shop", url="https://x.test", secret_env="RESELL_SHOP_SECRET"))
    here.variables["RESELL_SHOP_SECRET"] = SECRET
    assert await checked(here) == []


async def endpoint(shell: Shell, row: WebhookEndpoint) -> None:
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    async with database.write() as session:
        session.add(row)
    await database.close()


async def test_a_wrong_value_is_said_without_it(here: Shell) -> None:
    here.variables["RESELL_READ_TIMEOUT"] = SECRET
    [said] = await checked(here)
    assert "RESELL_READ_TIMEOUT" in said


async def test_all_wrong_values_are_said_at_once_one_a_line(here: Shell) -> None:
    here.variables |= {
        "RESELL_EXPIRY_NOTICE_DAYS": "30,14",
        "RESELL_EXCHANGE_RATES": "[" * 3_000,
        "RESELL_API_PORT": SECRET,
        "RESELL_API_DOCS": "maybe",
        "RESELL_CODEC_TOKEN_FILE": "nowhere",
        "RESELL_OPERATOR_TOKENS_FILE": "nowhere",
        "RESELL_ENTIRELY_ELSE": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
        "TEMPORAL_ADDRESS": "temporal",
    }
    assert {one.split()[0].removesuffix(":") for one in await checked(here)} == {
        "RESELL_EXPIRY_NOTICE_DAYS",
        "RESELL_EXCHANGE_RATES",
        "RESELL_API_PORT",
        "RESELL_API_DOCS",
        "RESELL_CODEC_TOKEN_FILE",
        "RESELL_OPERATOR_TOKENS_FILE",
        "RESELL_ENTIRELY_ELSE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "TEMPORAL_ADDRESS",
    }


async def test_variables_of_the_commands_are_known(here: Shell) -> None:
    here.variables |= {"RESELL_API_TOKEN": SECRET, "RESELL_API_TOKEN_FILE": "token", "RESELL_API_TOKENS": "x"}
    assert await checked(here) == ["RESELL_API_TOKENS: there is no such setting; is RESELL_API_TOKEN meant?"]


async def test_what_is_away_is_said(stocked_shell: Shell, tmp_path: Path) -> None:
    stocked_shell.variables.pop(PASSWORD_VARIABLE)
    stocked_shell.variables["RESELL_PAYLOAD_KEY_FILE"] = str(tmp_path / "nothing")
    said = await checked(stocked_shell)
    assert any(one.startswith("RESELL_PAYLOAD_KEY_FILE: ") for one in said)
    assert any(one.startswith("upstream main: its password is missing") for one in said)

    stocked_shell.variables.pop("RESELL_PAYLOAD_KEY_FILE")
    assert "Temporal does not answer (TEMPORAL_ADDRESS)" in await checked(stocked_shell)

    stocked_shell.variables["RESELL_DATABASE_URL"] = f"postgresql://user:{SECRET}@127.0.0.1:{free_port()}/name"
    assert any("the database can't be reached" in one for one in await checked(stocked_shell))


async def test_channels_that_would_stop_the_worker_are_found(here: Shell, tmp_path: Path) -> None:
    file = tmp_path / "notifications.toml"
    here.variables["RESELL_NOTIFICATIONS_FILE"] = str(file)
    said = "RESELL_NOTIFICATIONS_FILE: the file … can't be read: No such file or directory"
    assert await checked(here) == [said]
    file.write_text('console = "https://shop.example/console"\n')
    assert await checked(here) == []


@pytest.mark.parametrize("address", ["collector:4318", "http://", "nonsense", "http://collector:port"])
async def test_an_address_of_a_collector_that_is_none_is_found(here: Shell, address: str) -> None:
    here.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
    said = "OTEL_EXPORTER_OTLP_ENDPOINT is the address of a collector, for example http://collector:4318"
    assert await checked(here) == [said]


async def test_more_turns_than_connections_are_noted(here: Shell) -> None:
    here.variables["RESELL_DATABASE_POOL_MORE"] = "19"
    run = (await here.resell("settings", "--check")).done()
    [note] = [line for line in run.lines if line.startswith("note")]
    assert "RESELL_API_AT_ONCE is 30 and the API has 29 connections to the database" in note


async def test_a_short_token_of_the_codec_server_is_explained(here: Shell) -> None:
    here.variables["RESELL_CODEC_TOKEN"] = "short"
    [said] = await checked(here)
    assert said.startswith("RESELL_CODEC_TOKEN: has at least 32 characters")


async def test_ports_are_tried(here: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        here.variables["RESELL_METRICS_API_ADDRESS"] = f"127.0.0.1:{port}"
        run = (await here.resell("settings", "--check")).done()
    [note] = [line for line in run.lines if line.startswith("note")]
    assert "RESELL_METRICS_API_ADDRESS: can't listen there now" in note
    assert note.count("listen") == 1

    here.variables["RESELL_METRICS_API_ADDRESS"] = here.variables["RESELL_WORKER_HEALTH_ADDRESS"]
    [said] = await checked(here)
    assert said.startswith("RESELL_WORKER_HEALTH_ADDRESS and RESELL_METRICS_API_ADDRESS: the same port")


async def test_the_list_shows_what_is_set_and_no_secret(here: Shell) -> None:
    here.variables |= {"RESELL_OPERATOR_TOKENS": f"olga={SECRET}", "RESELL_READ_TIMEOUT": "7"}
    run = (await here.resell("settings")).done()
    assert "RESELL_READ_TIMEOUT=7.0" in run.lines
    assert "RESELL_OPERATOR_TOKENS=(a secret)" in run.lines
    assert SECRET not in run.out


def test_every_setting_with_a_secret_may_be_in_a_file() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)} | {
        "database_url"
    }
    assert secret == set(FILES)


def in_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(f"{content}\n", encoding="utf-8")
    monkeypatch.setenv(f"RESELL_{name}_FILE", str(file))
    monkeypatch.delenv(f"RESELL_{name}", raising=False)


def test_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_file(tmp_path, monkeypatch, "DATABASE_URL", f"postgresql://user:{SECRET}@host/name")
    in_file(tmp_path, monkeypatch, "OPERATOR_TOKENS", f"olga={SECRET}")
    in_file(tmp_path, monkeypatch, "CODEC_TOKEN", SECRET * 3)
    settings = Settings()
    assert settings.database_url == f"postgresql://user:{SECRET}@host/name"
    assert [one.get_secret_value() for one in settings.operator_tokens["olga"]] == [SECRET]
    assert settings.codec_token is not None
    assert settings.codec_token.get_secret_value() == SECRET * 3
    assert SECRET not in without_values(f"no connection to postgresql://user:{SECRET}@host/name")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "RESELL_OPERATOR_TOKENS_FILE: the file can't be read: No such file or directory"),
        (b"\n", "RESELL_OPERATOR_TOKENS_FILE: the file is empty"),
        (b"\xff\xfe", "RESELL_OPERATOR_TOKENS_FILE: the file is not text in UTF-8"),
        (SECRET.encode(), "RESELL_OPERATOR_TOKENS: tokens are written NAME=TOKEN"),
    ],
)
async def test_a_file_that_can_not_be_is_named(content: bytes | None, said: str, here: Shell, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_bytes(content)
    here.variables["RESELL_OPERATOR_TOKENS_FILE"] = str(file)
    (await here.resell("settings")).failed(said)
    assert SECRET not in (await here.resell("settings")).err


async def test_a_variable_and_its_file_are_one_too_many(here: Shell, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"olga={SECRET}")
    here.variables |= {
        "RESELL_OPERATOR_TOKENS": "boris=another-token",
        "RESELL_OPERATOR_TOKENS_FILE": f"{tmp_path}/tokens",
    }
    (await here.resell("settings")).failed("RESELL_OPERATOR_TOKENS and RESELL_OPERATOR_TOKENS_FILE are both set")
