"""`resell webhooks`: add, try, look, send once more; against a real receiver and with the sender at work."""

import base64
import re
from pathlib import Path

import pytest

from models.database import Database
from tests.cli.shell import Shell
from tests.infrastructure.eventually import assert_eventually
from tests.webhooks.receiver import Answer, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, sending, tell


@pytest.fixture
def shell(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    shell.variables["RESELL_WEBHOOK_PRIVATE"] = "true"
    return shell


@pytest.mark.proof
async def test_a_webhook_from_its_first_day_to_its_last(shell: Shell) -> None:
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    with receiving() as receiver:
        add = ("webhooks", "add", "shop", receiver.url, "--secret-env", SECRET_VARIABLE)
        added = (await shell.resell(*add)).done()
        assert "resell webhooks test shop" in added.out
        (await shell.resell(*add)).failed("there is a webhook 'shop' already")
        async with sending(database):
            tried = (await shell.resell("webhooks", "test", "shop")).done()
            assert "delivered" in tried.out
            receiver.otherwise = Answer(400, body=b"no such shop")
            assert (await shell.resell("webhooks", "test", "shop")).status == 1
            await tell(database, 1)

            async def given_up() -> bool:
                listed = (await shell.resell("webhooks", "deliveries", "--state", "given_up", "--json")).done()
                return len(listed.json["items"]) == 2

            await assert_eventually(given_up)
            listed = (await shell.resell("webhooks")).done()
            assert re.search(r"shop +failing +0 +2", listed.out), listed.out
            assert "answered 400" in listed.out
            shown = (await shell.resell("webhooks", "show", 3)).done()
            assert '"task": 1' in shown.out
            assert "no such shop" in shown.out
            receiver.otherwise = Answer(204)
            again = (await shell.resell("webhooks", "replay", 3, "--json")).done()
            assert again.json == {"replayed": 1}
            (await shell.resell("webhooks", "replay", "--endpoint", "shop", "--given-up")).done()

            async def all_delivered() -> bool:
                listed = (await shell.resell("webhooks", "deliveries", "--json")).done()
                return {one["state"] for one in listed.json["items"]} == {"delivered"}

            await assert_eventually(all_delivered)
            since = (await shell.resell("webhooks", "replay", "--endpoint", "shop", "--since", "1h")).done()
            assert since.out.startswith("1 on their way")
            (await shell.resell("webhooks", "pause", "shop")).done()
            assert (await shell.resell("webhooks", "list", "--json")).done().json["items"][0]["active"] is False
            (await shell.resell("webhooks", "resume", "shop")).done()
        (await shell.resell("webhooks", "remove", "shop")).done()
    assert (await shell.resell("webhooks", "list")).done().out.strip() == "no webhooks"
    await database.close()


async def test_a_secret_that_is_made_here_is_shown_once(shell: Shell, tmp_path: Path) -> None:
    keys = tmp_path / "webhook.keys"
    shell.variables["RESELL_WEBHOOK_KEY_FILE"] = str(keys)
    add = ("webhooks", "add", "shop", "https://shop.example.com/")
    (await shell.resell(*add)).failed("RESELL_WEBHOOK_KEY_FILE: the key file")
    keys.write_text(f"one {base64.b64encode(bytes(range(32))).decode()}\n")
    made = [
        (await shell.resell(*add)).done().lines[-1],
        (await shell.resell("webhooks", "replace-secret", "shop", "--overlap-hours", 1)).done().lines[-1],
        (await shell.resell("webhooks", "replace-secret", "shop", "--json")).done().json["secret"],
    ]
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", one) for one in made)
    assert len({*made}) == 3
    [shown] = (await shell.resell("webhooks", "--json")).done().json["items"]
    assert (shown["secret_from"], shown["old_secrets_until"] is not None) == ("the database, sealed", True)
    assert not any(one in str(shown) for one in made)
    (await shell.resell(*add[:2], "other", add[3], "--secret-env", SECRET_VARIABLE)).done()
    (await shell.resell("webhooks", "replace-secret", "other")).failed(f"environment variable {SECRET_VARIABLE}")


async def test_what_is_not_clear_is_refused_in_a_sentence(shell: Shell) -> None:
    (await shell.resell("webhooks", "replay")).failed("name a delivery; or a webhook")
    (await shell.resell("webhooks", "replay", 7)).failed("there is no delivery 7")
    (await shell.resell("webhooks", "pause", "nobody")).failed("there is no webhook nobody")
    (await shell.resell("webhooks", "add", "shop", "https://shop.example.com/")).failed("environment variable or the")
    (await shell.resell("webhooks", "replay", "--endpoint", "shop", "--since", "yesterday")).failed("90m, 24h, 3d")
    (await shell.resell("services", "history", 7)).failed("there is no service 7")
    made = (await shell.resell("webhooks", "secret")).done().out.strip()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made)


async def test_a_webhook_of_a_storefront_is_added_for_a_name_that_has_a_token(shell: Shell) -> None:
    def add(name: str, owner: str) -> tuple[str, ...]:
        url = "http://127.0.0.1:9/hooks"
        return ("webhooks", "add", name, url, "--secret-env", SECRET_VARIABLE, "--owner", owner)

    (await shell.resell(*add("one", "shop"))).failed("there is no storefront token named 'shop'")
    (await shell.resell("tokens", "add", "shop", "--role", "storefront")).done()
    (await shell.resell("tokens", "add", "vera", "--role", "viewer")).done()
    (await shell.resell(*add("one", "shop"))).done()
    (await shell.resell(*add("two", "vera"))).failed("there is no storefront token named 'vera'")
    shell.variables["RESELL_STOREFRONT_TOKENS"] = "other=of-the-settings"
    (await shell.resell(*add("two", "other"))).done()
    listed = (await shell.resell("webhooks", "--json")).done().json["items"]
    assert [(one["name"], one["owner"]) for one in listed] == [("one", "shop"), ("two", "other")]
