"""What WHMCS hears without asking: webhooks, and the comparison by its cron job."""

import base64
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from models.enums import DeliveryState
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from tests.integrations.whmcs import MODULE, Whmcs
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, add_endpoint, deliveries

CALLBACK = "/modules/servers/resellflow/callback.php"


@dataclass
class Callback:
    """The module in a web server's directory, and the inbox that its settings name."""

    url: str
    module: Path
    inbox: Path

    def post(self, id: str, body: bytes, *, at: float | None = None, secret: str = SECRET) -> httpx.Response:
        """Deliver a message as Resellflow signs it."""
        when = str(int(at or time.time()))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signature = hmac.new(key, f"{id}.{when}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "webhook-id": id,
            "webhook-timestamp": when,
            "webhook-signature": "v1,bm90aGluZw== v1," + base64.b64encode(signature).decode(),
        }
        return httpx.post(self.url, content=body, headers=headers, trust_env=False, timeout=30)

    def waiting(self) -> int:
        return len(list(self.inbox.glob("*.json")))


@pytest.fixture
def callback(php: None, tmp_path: Path) -> Iterator[Callback]:
    module = tmp_path / "web" / "modules" / "servers" / "resellflow"
    shutil.copytree(MODULE, module)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (module / "settings.php").write_text(
        f"<?php return ['webhook_secret' => 'whsec_b2xk {SECRET}', 'inbox' => {json.dumps(str(inbox))}];"
    )
    port = free_port()
    with Program(["php", "-S", f"127.0.0.1:{port}", "-t", str(tmp_path / "web")], name="php") as program:
        program.wait_for_http(f"http://127.0.0.1:{port}{CALLBACK}", status=405)
        yield Callback(f"http://127.0.0.1:{port}{CALLBACK}", module, inbox)


def test_only_what_is_signed_fresh_and_stored_is_taken_and_once(callback: Callback) -> None:
    assert callback.post("a", b"{}").status_code == 204
    assert callback.post("a", b"{}").status_code == 204
    assert callback.waiting() == 1
    forged = callback.post("b", b"{}", secret="whsec_" + base64.b64encode(b"somebody else").decode())
    assert (forged.status_code, forged.text) == (401, "The signature is wrong.")
    replayed = callback.post("c", b"{}", at=time.time() - 400)
    assert replayed.status_code == 401
    assert "five minutes" in replayed.text
    assert httpx.post(callback.url, content=b"{}", trust_env=False).status_code == 401
    assert httpx.get(callback.url, trust_env=False).status_code == 405
    assert callback.waiting() == 1
    shutil.rmtree(callback.inbox)
    assert callback.post("d", b"{}").status_code == 503


@pytest.mark.proof
async def test_a_completed_order_is_told_by_webhook_and_cron(
    whmcs: Whmcs, callback: Callback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    await add_endpoint(whmcs.shop.database, callback.url)
    whmcs.module = callback.module
    assert (await whmcs.call("CreateAccount", configoption4="0")).startswith("Ordered as service 1.")
    await whmcs.settled()
    await assert_eventually(callback.waiting, timeout=30, message="the webhook is stored")
    whmcs.products[41] = {"status": "Pending"}
    await whmcs.line.down()
    [[kind, _]] = await whmcs.cron()
    assert kind == "logActivity"
    assert callback.waiting() > 0, "nothing is forgotten while Resellflow is away"
    await whmcs.line.up()
    assert await whmcs.cron() == [["ModuleCreate", {"serviceid": 41, "accountid": 41}]]

    async def worked_off() -> bool:
        told = await deliveries(whmcs.shop.database)
        await whmcs.cron()
        return callback.waiting() == 0 and all(one.state is DeliveryState.DELIVERED for one in told)

    await assert_eventually(worked_off, timeout=30, message="the inbox is empty")
    assert await whmcs.cron() == [], "a message is worked off once"
    await whmcs.done("CreateAccount")
    assert await whmcs.charges("open") == ["open"]


@pytest.mark.proof
async def test_states_are_compared_without_webhooks(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    whmcs.products[41] = {"status": "Active"}
    assert await whmcs.cron() == []
    [item] = await whmcs.shop.upstream.items()
    await whmcs.shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3, "reason": "abusesuspend"})
    await whmcs.until_status("suspended")
    suspended = {"serviceid": 41, "status": "Suspended", "suspendreason": "Provider: abusesuspend"}
    assert await whmcs.cron() == [["UpdateClientProduct", suspended]]
    whmcs.products[41] = {"status": "Suspended", "suspensionreason": "Provider: abusesuspend"}
    assert await whmcs.cron() == []
    await whmcs.shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 2})
    await whmcs.until_status("active")
    whmcs.products[41]["suspensionreason"] = "overdue"
    assert await whmcs.cron() == [], "who has not paid stays suspended"
    whmcs.products[41]["suspensionreason"] = "Provider: abusesuspend"
    assert await whmcs.cron() == [
        ["UpdateClientProduct", {"serviceid": 41, "status": "Active", "unset": ["suspendreason"]}]
    ]
    whmcs.products[41] = {"status": "Terminated"}
    [[kind, warning]] = await whmcs.cron()
    assert (kind, warning) == (
        "logActivity",
        "Resellflow: service 1 is active, and terminated in WHMCS. Look at its operations.",
    )
    await whmcs.call("UsageUpdate")
    assert whmcs.asked == [[kind, warning]]
    await whmcs.done("TerminateAccount")
    await whmcs.settled()
    whmcs.products[41] = {"status": "Active"}
    assert await whmcs.cron() == [["UpdateClientProduct", {"serviceid": 41, "status": "Terminated"}]]
    await whmcs.done("CreateAccount")
    assert await whmcs.cron() == [], "only the latest order of a service counts"
    await whmcs.line.down()
    [[kind, warning]] = await whmcs.cron()
    assert warning.startswith("Resellflow: the services of server main were not compared: There was no answer")


@pytest.mark.proof
async def test_what_whmcs_itself_has_asked_for_is_not_taken_back_by_the_comparison(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    await whmcs.done("SuspendAccount")
    await whmcs.settled()
    await whmcs.shop.upstream.fault(function="vds.resume", kind="http_503", when="before")
    await whmcs.done("UnsuspendAccount", configoption4="0")
    whmcs.products[41] = {"status": "Active"}
    assert await whmcs.cron() == [], "it is on its way"


@pytest.mark.proof
async def test_a_renewal_that_waits_for_money_does_not_hide_a_suspension(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    await whmcs.shop.upstream.set_balance("1.00")
    await whmcs.done("Renew", configoption4="0")
    [item] = await whmcs.shop.upstream.items()
    await whmcs.shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3, "reason": "abusesuspend"})
    await whmcs.until_status("suspended")
    whmcs.products[41] = {"status": "Active"}
    [[command, _]] = await whmcs.cron()
    assert command == "UpdateClientProduct"


@pytest.mark.proof
async def test_what_staff_and_customer_see(whmcs: Whmcs) -> None:
    before = await whmcs.call("ClientArea")
    assert before["templateVariables"]["resellflow"]["status"] == "being set up"
    assert await whmcs.call("AdminServicesTabFields") == {
        "Resellflow": "There is no order in Resellflow for this service. Run Create first."
    }
    await whmcs.done("CreateAccount")
    service = await whmcs.service()
    shown = await whmcs.call("ClientArea")
    assert shown["tabOverviewReplacementTemplate"] == "templates/overview.tpl"
    assert (MODULE / shown["tabOverviewReplacementTemplate"]).exists()
    wanted = ("name", "status", "ip", "expires_on")
    assert shown["templateVariables"]["resellflow"] == {name: service[name] for name in wanted}
    fields = await whmcs.call("AdminServicesTabFields")
    assert fields["Resellflow service"] == "1, active, plan VDS-1"
    assert fields["Not settled"] == "nothing"
