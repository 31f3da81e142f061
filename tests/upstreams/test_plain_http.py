"""Plain http to an upstream outside this machine needs a setting: else the password travels readable."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.catalogue import UpstreamAccount
from models.database import Database
from settings import Settings
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of
from upstreams.connections import Connections
from upstreams.errors import ConnectionUnhealthy
from upstreams.plainhttp import readable_on_the_way
from worker import report_plain_http


@pytest.mark.parametrize(
    "url",
    [
        "https://billing.example.test:1500/billmgr",
        "http://127.0.0.1:1500/billmgr",
        "http://127.8.0.1/billmgr",
        "http://[::1]:1500/billmgr",
        "http://localhost:1500/billmgr",
        "HTTP://LOCALHOST/billmgr",
        "http://panel.localhost./billmgr",
        "http://simulator:1500/billmgr",
        "http://SIMULATOR/billmgr",
        "http://[fd00::7]/billmgr",
    ],
)
def test_an_address_that_may_be_used(url: str) -> None:
    assert readable_on_the_way(url, ["simulator", "fd00::7"]) == ""


@pytest.mark.parametrize(
    "host",
    ["billing.example.test", "10.0.0.5", "192.168.1.1", "simulator.example.test", "localhost.example.test", "[fd00::8]",
     "0x7f.1", "127.1.example.test"],
)  # fmt: skip
async def test_nothing_is_sent_to_another_and_the_setting_is_named(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_PASSWORD", "s3cret-of-ours")
    account = UpstreamAccount(name="main", kind="billmanager", url=f"http://{host}/billmgr", currency="EUR")
    account.settings = {"dialect": 6, "username": "u", "password_env": "THE_PASSWORD"}
    words = rf"nothing is sent, its address is plain http.* set RESELL_PLAIN_HTTP_UPSTREAMS={host.strip('[]')}"
    async with Connections.of(Settings(plain_http_upstreams=["simulator"])) as connections:
        with pytest.raises(ConnectionUnhealthy, match=words):
            await connections.to(account)
    async with Connections.of(Settings(plain_http_upstreams=[host.strip("[]")])) as connections:
        await connections.to(account)


def test_the_setting_is_a_list_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_PLAIN_HTTP_UPSTREAMS", " Simulator , 10.0.0.5,fd00::7, panel.example.test. ,")
    assert Settings().plain_http_upstreams == ["simulator", "10.0.0.5", "fd00::7", "panel.example.test"]


@pytest.mark.parametrize("wrong", ["http://simulator", "simulator:1500", "a b", "*"])
def test_what_is_no_host_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("RESELL_PLAIN_HTTP_UPSTREAMS", wrong)
    with pytest.raises(ValidationError, match="is not the name of a host"):
        Settings()


async def test_a_worker_that_starts_names_the_accounts_of_before_there_was_the_setting(
    migrated_sqlite_template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await stock_catalogue(database, "http://billing.example.test:1500/billmgr")
    await report_plain_http(database, Settings(plain_http_upstreams=["billing.example.test"]))
    assert "upstream main" not in caplog.text  # a server of another test of this process may log, too
    await report_plain_http(database, Settings())
    assert "upstream main: nothing is sent" in caplog.text
    assert "set RESELL_PLAIN_HTTP_UPSTREAMS=billing.example.test" in caplog.text
    await database.close()
