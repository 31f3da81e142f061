"""Kinds of upstreams are found by their entry points."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalogue.reading import read_file
from models.catalogue import UpstreamAccount
from settings import Settings
from upstreams import kinds as of_kinds
from upstreams.adapter import Adapter
from upstreams.billmanager import BillmanagerLearned, BillmanagerUpstream
from upstreams.connections import Connections
from upstreams.errors import ConnectionUnhealthy
from upstreams.kinds import UnknownKind, adapter_of, kinds


def test_a_kind_is_found_by_its_word() -> None:
    assert "billmanager" in kinds()
    adapter = adapter_of("billmanager")
    assert isinstance(adapter, Adapter)
    assert adapter.kind == "billmanager"


@pytest.mark.parametrize("kind", kinds())
def test_each_says_what_its_settings_are_and_what_it_lacks(kind: str) -> None:
    adapter = adapter_of(kind)
    settings = adapter.account_settings.model_fields | adapter.mapping_settings.model_fields
    assert all(field.description for field in settings.values())
    assert adapter.learned() == adapter.learned.model_validate({}), "it is connected to before anything was learned"
    assert all(words for _, words in adapter.capabilities.absent())


def test_another_kind_is_refused_with_the_names_of_those_that_are_there() -> None:
    with pytest.raises(UnknownKind, match=r'there is no kind of upstream "hostbill"; there is .*billmanager'):
        adapter_of("hostbill")


def test_a_folder_without_its_entry_point_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "__init__.py").touch()
    monkeypatch.setattr(of_kinds, "_FOLDERS", tmp_path)
    with pytest.raises(UnknownKind, match="so run `make install` after its new entry point"):
        adapter_of("toy")
    file = tmp_path / "catalogue.toml"
    file.write_text('[[upstream_accounts]]\nname = "main"\nkind = "toy"\nurl = "https://x"\ncurrency = "EUR"\n')
    [problem] = read_file(file).problems
    assert (problem.key, problem.message.partition(":")[0]) == ("kind", '"toy" is not known yet')
    assert problem.message.endswith("run `make install` after its new entry point in pyproject.toml")


async def test_an_account_of_a_kind_that_is_gone_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    account = UpstreamAccount(name="main", kind="hostbill", url="https://x.test/y", currency="EUR")
    async with Connections.of(Settings()) as connections:
        with pytest.raises(ConnectionUnhealthy, match='upstream main: there is no kind of upstream "hostbill"'):
            await connections.to(account)


async def test_settings_that_can_not_be_read_are_a_trouble_of_the_account() -> None:
    account = UpstreamAccount(name="main", kind="billmanager", url="https://x.test/billmgr", currency="EUR")
    account.settings = {"dialect": 7, "username": "u"}
    async with Connections.of(Settings()) as connections:
        with pytest.raises(ConnectionUnhealthy, match=r"can't read its settings \(dialect\); load the catalogue again"):
            await connections.to(account)


async def test_a_connection_is_kept_until_settings_or_secret_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_PASSWORD", "one")
    account = UpstreamAccount(name="main", kind="billmanager", url="https://x.test/billmgr", currency="EUR")
    account.settings = {"dialect": 6, "username": "u", "password_env": "THE_PASSWORD"}
    async with Connections.of(Settings()) as connections:
        first = await connections.to(account)
        assert isinstance(first, BillmanagerUpstream)
        account.learned = {"balance_call": "dashboard.info"}
        assert await connections.to(account) is first, "what was learned since is known to it"
        monkeypatch.setenv("THE_PASSWORD", "another")
        second = await connections.to(account)
        assert second is not first
        account.settings = account.settings | {"username": "v"}
        assert await connections.to(account) is not second


async def test_what_was_learned_is_given_to_the_next_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_PASSWORD", "one")
    account = UpstreamAccount(name="main", kind="billmanager", url="https://x.test/billmgr", currency="EUR")
    account.settings = {"dialect": 6, "username": "u", "password_env": "THE_PASSWORD"}
    for stored, known in (({"balance_call": "whoami"}, "whoami"), ({"balance_call": ["what?"]}, None), ({}, None)):
        account.learned = dict(stored)
        async with Connections.of(Settings()) as connections:
            assert (await connections.to(account)).learned == BillmanagerLearned(balance_call=known)


HOSTBILL = """
from pydantic import Field
from upstreams.adapter import AccountSettings, Adapter, MappingSettings, SecretSource
from upstreams.capabilities import Capabilities
from upstreams.port import Learned

class Settings(AccountSettings):
    brand: int = Field(description="the number of the brand")
    secret = property(lambda self: SecretSource("password", env="HOSTBILL_PASSWORD", file=None))
    customer = property(lambda self: {"address": self.url})

class Mapping(MappingSettings):
    pass

def connect(connection, gate):
    raise NotImplementedError

ADAPTER = Adapter("hostbill", Settings, Mapping, Learned, Capabilities(cart=False), connect)
"""
READING = """
import sys
from pathlib import Path
from catalogue.reading import read_file
from upstreams.kinds import kinds

print(*kinds())
draft = read_file(Path(sys.argv[1]))
print(*draft.problems, sep="\\n")
"""


def test_a_package_of_its_own_brings_another_kind(tmp_path: Path) -> None:
    """No file of Resellflow knows it: not even the format of the catalogue file."""
    (tmp_path / "hostbill.py").write_text(HOSTBILL)
    described = tmp_path / "hostbill-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: hostbill\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(
        "[resellflow.upstreams]\nhostbill = hostbill:ADAPTER\nbroken = hostbill:NOTHING\n"
    )
    file = tmp_path / "catalogue.toml"
    file.write_text(
        '[[upstream_accounts]]\nname = "main"\nkind = "hostbill"\nurl = "https://x"\nbrand = "1"\ncurrency = "EUR"\n'
        '[[upstream_accounts]]\nname = "other"\nkind = "broken"\nurl = "https://x"\ncurrency = "EUR"\n'
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", READING, str(file)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names, problem, broken = run.stdout.splitlines()
    assert {"billmanager", "hostbill"} <= set(names.split())
    assert problem.endswith('"main": brand: "1" is not right; it has to be the number of the brand')
    assert '"other": kind: the adapter of "broken" (hostbill:NOTHING) can\'t be loaded' in broken
