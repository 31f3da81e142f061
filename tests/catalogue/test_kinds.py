"""The keys of an account and of a mapping depend on the kind of upstream: its adapter says what they are."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field

from catalogue import accounts, mappings
from catalogue.loading import ChangeOutcome, load
from catalogue.problems import CatalogueInvalid
from models.catalogue import PlanMapping, UpstreamAccount
from models.database import Database
from tests.catalogue.sample import edited, written
from upstreams.billmanager import ADAPTER
from upstreams.billmanager.settings import BillmanagerMapping
from upstreams.values import Text

DISTRIBUTOR = (
    ('kind = "billmanager"', 'kind = "resellflow"'),
    ("https://billing.example.test:1500/billmgr", "https://orders.example.test"),
    ('dialect = 6\nusername = "reseller"\npassword_env', "token_env"),
    ('pricelist = "58"\ndatacenter = "1"', 'pricelist = "Their VDS"'),
)


async def test_each_kind_has_keys_of_its_own(database: Database, tmp_path: Path) -> None:
    assert (await load(database, written(tmp_path, edited(*DISTRIBUTOR)), actor="tester")).changed
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
        mapping = await session.get_one(PlanMapping, 1)
    assert (account.kind, account.url) == ("resellflow", "https://orders.example.test")
    assert account.settings == {"token_env": "MAIN_UPSTREAM_PASSWORD", "token_file": None, "storefront": None}
    assert (mapping.tariff, mapping.location) == ("Their VDS", None)


@pytest.mark.parametrize(
    ("edit", "key", "right"),
    [
        (("token_env", 'username = "u"\ntoken_env'), "username", "unknown key"),
        (("token_env", 'token = "s3cret"\ntoken_env'), "token", "name that in token_env"),
        (("token_env", 'token_file = "/f"\ntoken_env'), "token_file", "token_env is given, too"),
        (('Their VDS"', 'Their VDS"\ndatacenter = "1"'), "datacenter", "has to be left out"),
        (('Their VDS"', 'Their VDS"\nresource_fields = { disk_gb = "disk" }'), "resource_fields", "has to be left out"),
        (('Their VDS"', 'Their VDS"\nrenewal_owner = "upstream"'), "renewal_owner", "can't be told to renew"),
        (('Their VDS"', 'Their VDS"\nrenewal = "upstream"'), "renewal", "can't be told to renew"),
    ],
)
async def test_what_another_kind_has_is_refused(
    database: Database, tmp_path: Path, edit: tuple[str, str], key: str, right: str
) -> None:
    with pytest.raises(CatalogueInvalid) as invalid:
        await load(database, written(tmp_path, edited(*DISTRIBUTOR, edit)), actor="tester")
    assert [(one.key, right in one.message) for one in invalid.value.problems] == [(key, True)], str(invalid.value)


async def test_an_account_that_becomes_another_kind_forgets_what_was_learned(
    database: Database, tmp_path: Path
) -> None:
    await load(database, written(tmp_path), actor="tester")
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.learned = {"balance_call": "whoami"}
        session.add(account)
    report = await load(database, written(tmp_path, edited(*DISTRIBUTOR)), actor="tester")
    change = next(one for one in report.changes if one.table == "upstream_accounts")
    told = {one.field: (one.before, one.after) for one in change.fields}
    assert told["kind"] == ("billmanager", "resellflow")
    assert told["username"] == ("reseller", "")
    assert told["token_env"] == ("", "MAIN_UPSTREAM_PASSWORD")
    async with database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).learned == {}


class WithRegion(BillmanagerMapping):
    region: Text = Field(description='the region there, like "fr-1"')
    zones: dict[Text, int] = Field(default_factory=dict, description="zone = a whole number")


@pytest.fixture
def with_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of upstream whose mappings have keys of their own."""
    kind = replace(ADAPTER, mapping_settings=WithRegion)
    for module in (accounts, mappings):
        monkeypatch.setattr(module, "adapter_of", lambda _: kind)


REGION = ('datacenter = "1"', 'datacenter = "1"\nregion = "fr-1"\nzones = { a = 1 }')


@pytest.mark.usefixtures("with_region")
async def test_a_mapping_has_keys_of_its_kind_which_reach_the_adapter(database: Database, tmp_path: Path) -> None:
    await load(database, written(tmp_path, edited(REGION)), actor="tester")
    changed = edited(REGION, ('"fr-1"', '"fr-2"'))
    report = await load(database, written(tmp_path, changed), actor="tester")
    [change] = [one for one in report.changes if one.outcome is ChangeOutcome.CHANGED]
    assert [(one.field, one.before, one.after) for one in change.fields] == [("region", "fr-1", "fr-2")]
    assert not (await load(database, written(tmp_path, changed), actor="tester")).changed
    async with database.read() as session:
        mapping = await session.get_one(PlanMapping, 1)
    assert mapping.settings == {"region": "fr-2", "zones": {"a": 1}}


@pytest.mark.usefixtures("with_region")
@pytest.mark.parametrize(
    ("edits", "key", "right"),
    [
        ((), "region", 'is missing; it is the region there, like "fr-1"'),
        ((REGION, ('"fr-1"', "7")), "region", '7 is not right; it has to be the region there, like "fr-1"'),
        ((REGION, ("zones", "zoned")), "zoned", "unknown key; did you mean zones? Known: processing_module, "),
        ((REGION, ("a = 1", 'a = "1"')), "zones.a", '"1" is not right; it has to be zone = a whole number'),
    ],
)
async def test_keys_of_a_kind_are_checked_by_its_adapter(
    database: Database, tmp_path: Path, edits: tuple[tuple[str, str], ...], key: str, right: str
) -> None:
    with pytest.raises(CatalogueInvalid) as invalid:
        await load(database, written(tmp_path, edited(*edits)), actor="tester")
    assert [(one.key, right in one.message) for one in invalid.value.problems] == [(key, True)], str(invalid.value)


@pytest.mark.parametrize("kind", ["billmanager", "manual"])
async def test_where_the_kind_has_no_such_key_it_is_unknown(database: Database, tmp_path: Path, kind: str) -> None:
    by_hand = ('upstream_account = "main"', 'kind = "manual"'), ('minimal_balance = "50.00"\n', "")
    edits = (REGION, *(by_hand if kind == "manual" else ()))
    with pytest.raises(CatalogueInvalid) as invalid:
        await load(database, written(tmp_path, edited(*edits)), actor="tester")
    found = {one.key: one.message.partition(";")[0] for one in invalid.value.problems}
    assert found == {"region": "unknown key", "zones": "unknown key"}
