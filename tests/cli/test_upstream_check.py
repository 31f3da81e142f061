"""`resell upstream check`: what an upstream can do, asked of the simulator."""

from pathlib import Path

import pytest

from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import Knowledge
from tests.catalogue.sample import edited, written
from tests.cli.conftest import stock
from tests.cli.shell import Shell
from tests.flow.shop import PASSWORD_VARIABLE, Upstream


@pytest.fixture
async def connected(shell: Shell, upstream: Upstream, tmp_path: Path) -> Shell:
    """A shell whose catalogue has the simulator as its upstream."""
    text = edited(
        ("https://billing.example.test:1500/billmgr", upstream.url), ("MAIN_UPSTREAM_PASSWORD", PASSWORD_VARIABLE)
    )
    await stock(shell, written(tmp_path, text))
    return shell


async def stored(shell: Shell) -> UpstreamAccount:
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    try:
        async with database.read() as session:
            return await session.get_one(UpstreamAccount, 1)
    finally:
        await database.close()


async def test_what_it_can_do_is_told_and_kept(connected: Shell, upstream: Upstream) -> None:
    await upstream.admin("POST", "/items", {"account": "reseller", "type": "vds", "pricelist": 58})
    run = (await connected.resell("upstream", "check", "main")).done()
    for line in (
        "balance                 100.00 EUR",
        "lists                   vds",
        "lists show marks        yes",
        "forms show marks        yes",
        "orders return a number  not known yet (learned from the first order)",
        "orders can be carried out",
    ):
        assert line in run.lines
    account = await stored(connected)
    assert (account.lists_show_marks, account.forms_show_marks) == (Knowledge.YES, Knowledge.YES)
    assert account.learned["balance_call"] is not None
    assert account.checked_at is not None
    # Only our own services can prove that what we sent comes back.
    assert (account.lists_return_mark, account.lists_return_name) == (Knowledge.UNKNOWN, Knowledge.UNKNOWN)


async def test_what_it_can_not_do_is_a_sentence(connected: Shell, upstream: Upstream) -> None:
    await upstream.admin("POST", "/items", {"account": "reseller", "type": "vds", "pricelist": 58})
    await upstream.set(remoteid_in_lists=False, remoteid_in_forms=False)
    found = (await connected.resell("upstream", "check", "main", "--json")).done().json
    assert (found["usable"], found["lists_show_remoteid"]) == (True, "no")
    assert found["problems"] == ["Lists do not show remoteid; orders are found again by their name only."]
    assert (await stored(connected)).problems == found["problems"]


async def test_a_refused_password_is_told_and_kept(connected: Shell, upstream: Upstream) -> None:
    connected.variables[PASSWORD_VARIABLE] = "wrong"
    (await connected.resell("upstream", "check", "main")).failed(
        "the user name, the password or the session is refused"
    )
    assert "refused" in (await stored(connected)).problems[0]
    listed = (await connected.resell("upstreams")).done()
    assert (
        "main: Upstream main, auth: not logged in: the user name, the password or the session is refused" in listed.out
    )


async def test_a_missing_password_is_told_with_the_place_where_it_should_be(connected: Shell) -> None:
    del connected.variables[PASSWORD_VARIABLE]
    (await connected.resell("upstream", "check", "main")).failed(f"environment variable {PASSWORD_VARIABLE} is empty")


async def test_an_upstream_that_is_away_is_told(shell: Shell, tmp_path: Path) -> None:
    text = edited(
        ("https://billing.example.test:1500", "http://127.0.0.1:1"), ("MAIN_UPSTREAM_PASSWORD", PASSWORD_VARIABLE)
    )
    await stock(shell, written(tmp_path, text))
    (await shell.resell("upstream", "check", "main")).failed("Upstream main")


async def test_the_balance_and_an_item_are_read_now(connected: Shell, upstream: Upstream) -> None:
    assert (await connected.resell("upstream", "read", "main")).done().lines == ["the balance of main is 100.00 EUR"]
    account = await stored(connected)
    assert (str(account.balance), account.balance_at is not None) == ("100.0000", True)
    item = (
        await upstream.admin("POST", "/items", {"account": "reseller", "type": "vds", "pricelist": 58, "status": 2})
    )["id"]
    read = ("upstream", "read", "main", "--item", item, "--type", "vds")
    assert (await connected.resell(*read)).done().lines == [f"vds {item} is active"]
    assert (await connected.resell(*read[:-3], "1", "--type", "vds")).done().lines == ["main has no vds 1"]
    (await connected.resell(*read[:-1], "tea")).failed("'tea' is none of")
    (await connected.resell("upstream", "read", "none")).failed("there is no upstream none")


async def test_it_is_paused_and_resumed(stocked_shell: Shell) -> None:
    shell = stocked_shell
    run = (await shell.resell("upstream", "pause", "main", "--reason", "they move", "--actor", "olga")).done()
    assert run.lines == ["upstream main is paused: nothing is sent from now on"]
    listed = (await shell.resell("upstreams")).done().lines
    assert any("paused by olga since" in line and "they move" in line for line in listed)
    (await shell.resell("upstream", "pause", "main", "--reason", "they move")).failed("paused by olga since")
    run = (await shell.resell("upstream", "resume", "main", "--reason", "moved")).done()
    assert run.lines == ["upstream main is resumed: what waits continues automatically"]
    assert (await stored(shell)).paused_since is None
    (await shell.resell("upstream", "resume", "main", "--reason", " ")).failed("reason")
