"""A setting that is written wrongly is told by its name, in a sentence, by every process; its value is told by none."""

import subprocess
import sys

import pytest

from environment import without_values
from settings import Settings, load_settings, setup_in_words
from temporalconfig import TemporalMisconfigured, connect_config
from tests.cli.shell import Shell

SECRET = "s3cr3t-s3cr3t"
WRONG = [
    ("RESELL_DATABASE_URL", SECRET),
    ("RESELL_DATABASE_URL", f"{SECRET}://host/name"),
    ("RESELL_DATABASE_URL", f"postgresql://user:pass@host:{SECRET}/name"),
    ("RESELL_DATABASE_POOL", SECRET),
    ("RESELL_EXCHANGE_RATES", SECRET),
    ("RESELL_EXCHANGE_RATES", f'["{SECRET}"]'),
    ("RESELL_MANUAL_PLAN_CHANGES", f'["{SECRET}'),
    ("RESELL_USUAL_TIMES", f'{{"{SECRET}": 5}}'),
    ("RESELL_WORKER_HEALTH_ADDRESS", SECRET),
    ("RESELL_WORKER_HEALTH_ADDRESS", f"{SECRET}:70000"),
    ("RESELL_WORKER_HEALTH_ADDRESS", f"host:{SECRET}"),
    ("RESELL_API_PORT", "70000"),
    ("RESELL_TEMPORAL_UI_URL", SECRET),
    ("RESELL_TASK_QUEUE", " "),
    ("RESELL_TRUSTED_PROXIES", SECRET),
    ("RESELL_PLAIN_HTTP_UPSTREAMS", f"http://{SECRET}"),
    ("RESELL_WEBHOOK_RETRY_DELAYS", "[NaN]"),
    ("RESELL_WEBHOOK_RETRY_DELAYS", "[-1]"),
    ("RESELL_WEBHOOK_RETRY_DELAYS", "[1e300]"),
    ("RESELL_READ_TIMEOUT", "inf"),
    ("RESELL_READ_TIMEOUT", "nan"),
    ("RESELL_EVENT_RETENTION_DAYS", "1e9"),
    ("RESELL_IDLE_INTERVAL", "1e300"),
    ("RESELL_IDLE_INTERVAL", "1e-300"),
    ("RESELL_HOT_INTERVAL", "0.001"),
    ("RESELL_EXCHANGE_RATES", "[" * 100_000),
    ("RESELL_USUAL_TIMES", '{"a":' * 20_000),
    ("RESELL_WEBHOOK_RETRY_DELAYS", "[" * 3_000),
    ("RESELL_API_HOST", ""),
    ("RESELL_CODEC_HOST", " "),
    ("RESELL_TASK_QUEUE", f"{SECRET}\udcff"),
    ("RESELL_OPERATOR_TOKENS", f"olga={SECRET}\udcff"),
    ("RESELL_CODEC_TOKEN", f"{SECRET * 3}\udcff"),
    ("RESELL_DATABASE_URL", f"postgresql://user:{SECRET}\udcff@host/name"),
    ("RESELL_STOREFRONT_TOKENS", f"{SECRET}=shop"),
    ("RESELL_STOREFRONT_TOKENS", f"{SECRET}=a-shop-of-ours,other-{SECRET}=a-shop-of-ours"),
    ("RESELL_STOREFRONT_TOKENS", "0123456789abcdef0123456789abcdef=storefront"),
]


@pytest.fixture(autouse=True)
def nothing_else_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESELL_TEST_DATABASE_URL", raising=False)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_it_is_told_by_name_and_never_by_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match=r".") as refused:
        load_settings()
    said = setup_in_words(refused.value) or ""
    assert said.startswith("the settings are not right: ")
    assert name in said
    assert SECRET not in said
    assert "0123456789abcdef" not in said


def test_what_stands_in_a_setting_is_taken_out_of_every_sentence_about_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_PAYLOAD_KEY_FILE", SECRET)
    monkeypatch.setenv("RESELL_OPERATOR_TOKENS", f"olga={SECRET}2")
    assert without_values(f"the key file {SECRET} of olga: {SECRET}2") == "the key file … of olga: …"


def test_all_that_is_there_by_default_is_right() -> None:
    Settings.model_validate(Settings().model_dump())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "TEMPORAL_ADDRESS is not set: HOST:PORT"),
        ("", "TEMPORAL_ADDRESS is not set: HOST:PORT"),
        (f"host:{SECRET}", "TEMPORAL_ADDRESS is not HOST:PORT"),
        (SECRET, "TEMPORAL_ADDRESS is not HOST:PORT"),
        ("host:0", "TEMPORAL_ADDRESS is not HOST:PORT"),
        ("host:70000", "TEMPORAL_ADDRESS is not HOST:PORT"),
        (f"{SECRET}@host:7233", "TEMPORAL_ADDRESS is not HOST:PORT"),
    ],
)
def test_an_address_of_temporal_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str | None, said: str) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    with pytest.raises(TemporalMisconfigured) as refused:
        connect_config()
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_variable_of_others_in_another_encoding_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7233")
    monkeypatch.setenv("MAIN_UPSTREAM_PASSWORD", "caf\udce9")
    assert connect_config().get("target_host") == "127.0.0.1:7233"
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "caf\udce9")
    with pytest.raises(TemporalMisconfigured, match="TEMPORAL_"):
        connect_config()


def test_a_configuration_file_that_can_not_be_read_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("temporal") / "temporal.toml"
    file.write_text(f"[profile.default]\napi_key = {SECRET}\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    with pytest.raises(TemporalMisconfigured, match="TEMPORAL_CONFIG_FILE") as refused:
        connect_config()
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 7233), ("temporal.example.com", 443), ("[::1]", 7233)])
def test_an_address_of_temporal_as_it_should_be(monkeypatch: pytest.MonkeyPatch, host: str, port: int) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"{host}:{port}")
    assert connect_config().get("target_host") == f"{host}:{port}"


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("order VDS-1 --customer jane --period 1", "TEMPORAL_ADDRESS", f"host:{SECRET}"),
        ("order VDS-1 --customer jane --period 1", "TEMPORAL_ADDRESS", ""),
        ("api", "TEMPORAL_ADDRESS", f"host:{SECRET}"),
        ("api", "RESELL_EXCHANGE_RATES", SECRET),
        ("migrate", "RESELL_DATABASE_URL", SECRET),
        ("operations", "RESELL_WORKER_HEALTH_ADDRESS", SECRET),
    ],
)
async def test_every_command_says_it_in_a_sentence(command: str, name: str, value: str, shell: Shell) -> None:
    shell.variables |= {"RESELL_API_PORT": "0", name: value}
    run = (await shell.resell(*command.split())).failed(name)
    assert SECRET not in run.err


@pytest.mark.proof
def test_the_worker_says_what_it_finds_out_only_when_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process. (One whose settings are refused before that is started by the tests of tokens.)"""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("RESELL_WORKER_HEALTH_ADDRESS", f"{SECRET}.invalid:8081")
    ended = subprocess.run([sys.executable, "worker.py"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("worker: ")]
    assert line.startswith("worker: RESELL_WORKER_HEALTH_ADDRESS: can't listen there")
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
