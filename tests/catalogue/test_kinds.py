"""The keys of an account and of a mapping depend on the kind of upstream: its adapter says what they are."""

from pathlib import Path

import pytest

from catalogue.loading import load
from catalogue.problems import CatalogueInvalid
from models.catalogue import PlanMapping, UpstreamAccount
from models.database import Database
from tests.catalogue.sample import edited, written

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
