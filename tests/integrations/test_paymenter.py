"""The server extension for Paymenter, called as Paymenter's jobs call it, against a running Resellflow."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_both_sides import map_addons
from tests.infrastructure.proxy import Answer, Reaches
from tests.integrations.installation import asks
from tests.integrations.paymenter import EXTENSION, HARNESS, STUBS, Paymenter
from tests.storefront.api import OPERATOR_TOKEN
from tests.webhooks.sender import SECRET

RENEWED = ["prolong"]


@pytest.mark.usefixtures("php")
def test_every_file_is_php_also_when_the_directory_was_copied_alone(tmp_path: Path) -> None:
    copied = tmp_path / "Resellflow"
    subprocess.run(["cp", "-rL", EXTENSION, copied], check=True)
    files = [HARNESS, STUBS, *copied.rglob("*.php")]
    assert len(files) > 15
    checked = [subprocess.run(["php", "-l", file], capture_output=True, text=True) for file in files]
    assert [one.stdout + one.stderr for one in checked if one.returncode != 0] == []
    shutil.rmtree(copied / "lib" / "common")
    rows = tmp_path / "rows.json"
    rows.write_text('{"server": {}, "services": {}}')
    call = {"extension": str(copied), "function": "boot", "rows": str(rows)}
    broken = subprocess.run(["php", HARNESS], input=json.dumps(call), capture_output=True, text=True)
    assert 'copy it with "cp -rL"' in broken.stdout + broken.stderr


@pytest.mark.proof
async def test_settings_forms_and_what_is_wrong_with_them(paymenter: Paymenter) -> None:
    assert await paymenter.call("testConfig", None) is True
    assert [one["name"] for one in await paymenter.call("getConfig", None)] == ["address", "token", "webhook_secret"]
    form = await paymenter.call("getProductConfig", None)
    assert list(form[0]["options"]) == ["LIC-1", "VDS-1", "VDS-2"]
    await paymenter.call("boot", None)
    assert paymenter.asked == [["route", "/extensions/servers/resellflow/webhook"], ["schedule", "compare"]]
    paymenter.sell(settings={"template": ""})
    asked_for = await paymenter.call("getCheckoutConfig")
    fields = {one["name"]: one for one in asked_for}
    assert fields["parameter_template"]["options"] == {"debian-12": "debian-12"}
    assert fields["domain"]["type"] == "text"

    paymenter.token = OPERATOR_TOKEN
    wrong = await paymenter.call("testConfig", None)
    assert wrong == "The token belongs to olga, whose role is admin. Use the token of a storefront."
    paymenter.token = "nobody-has-it"
    assert (await paymenter.failed("createServer")).startswith("Resellflow does not accept the token of this server.")
    assert (await paymenter.compare())[0][1].startswith("Resellflow: the services of server main were not compared: ")
    assert await paymenter.charges() == []


@pytest.mark.proof
async def test_products_that_could_not_be_delivered_as_they_are_sold_are_refused(paymenter: Paymenter) -> None:
    paymenter.sell(quantity=3)
    assert "sold 3 times in one" in await paymenter.failed("createServer")
    paymenter.sell(plan={"type": "one-time", "billing_unit": "", "billing_period": 0})
    assert "Set the months in the server settings" in await paymenter.failed("createServer")
    paymenter.sell(plan={"billing_unit": "week"})
    assert "Set the months in the server settings" in await paymenter.failed("createServer")
    paymenter.sell(chosen={"addon_wings": "2"})
    assert (await paymenter.failed("createServer")).startswith("addons.wings: ")
    await map_addons(paymenter.shop, "VDS-1", ram="addon_61", backup="addon_62")
    paymenter.sell(chosen={"addon_backup": "Every Tuesday"})
    assert 'The add-on "backup" is a switch.' in await paymenter.failed("createServer")
    assert await paymenter.charges() == []


async def test_an_order_whose_answer_was_lost_is_bought_once_and_told_by_the_comparison(paymenter: Paymenter) -> None:
    paymenter.sell(chosen={"domain": "v41.example.com", "addon_ram": "4"})
    paymenter.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    assert "it is the same request" in await paymenter.failed("createServer")
    await paymenter.settled()
    paymenter.change(chosen={"addon_ram": "8"})  # edited in between: the request is the one that was paid for
    await paymenter.line.down()
    assert [kind for kind, *_ in await paymenter.compare()] == ["warning"]
    await paymenter.line.up()
    assert await paymenter.compare() == [["CreateJob", 41]]
    mailed = await paymenter.done("createServer")
    assert (mailed["name"], mailed["status"]) == ("v41.example.com", "active")
    assert mailed["ip"]
    assert await paymenter.compare() == [], "it is told once"
    assert await paymenter.charges("open") == ["open"]
    service = await paymenter.service()
    assert (service["reference"], service["customer"], service["addons"]) == ("41.0", "paymenter-7", {"ram": 4})
    assert paymenter.note("resellflow_service") == "1"
    assert paymenter.note("resellflow_says") == ""
    shown = {one["label"]: one["text"] for one in await paymenter.done("getActions")}
    assert (shown["Status"], shown["Paid until"]) == ("active", service["expires_on"])


@pytest.mark.proof
async def test_an_order_that_waits_is_no_success_until_it_is_completed(paymenter: Paymenter) -> None:
    await paymenter.shop.upstream.set_balance("1.00")
    paymenter.sell(settings={"wait": "0"})
    assert (await paymenter.failed("createServer")).startswith("Ordered as service 1. Operation 1 waits for ")
    shown = {one["label"]: one["text"] for one in await paymenter.done("getActions")}
    assert "Paid until" not in shown
    assert await paymenter.compare() == []
    await paymenter.cancelled(1)
    assert await paymenter.compare() == []
    assert paymenter.note("resellflow_says").startswith("Order 1 was cancelled: ")
    assert await paymenter.compare() == [], "staff decide about another order, or the money"
    await paymenter.shop.upstream.set_balance("100.00")
    paymenter.change(settings={"wait": "30"})
    await paymenter.done("createServer")
    assert await paymenter.charges("open") == ["open"]


@pytest.mark.proof
async def test_what_got_no_answer_is_sent_again_unless_the_shop_wants_the_opposite_now(paymenter: Paymenter) -> None:
    paymenter.sell()
    await paymenter.done("createServer")
    paymenter.line.lay(Answer.CUT, Reaches.NEVER, chosen=asks)
    await paymenter.failed("suspendServer")
    paymenter.change(status="suspended")
    await paymenter.compare()
    await paymenter.settled()
    assert (await paymenter.service())["status"] == "suspended"
    await paymenter.done("unsuspendServer")
    await paymenter.settled()
    paymenter.line.lay(Answer.CUT, Reaches.NEVER, chosen=asks)
    await paymenter.failed("suspendServer")
    await paymenter.done("unsuspendServer")  # paid meanwhile: the suspension that never arrived must not come later
    paymenter.change(status="active")
    await paymenter.compare()
    await paymenter.settled()
    assert (await paymenter.service())["status"] == "active"


@pytest.mark.proof
async def test_a_suspension_under_way_is_followed_by_the_resumption_asked_for_next(
    paymenter: Paymenter,
) -> None:
    paymenter.sell()
    await paymenter.done("createServer")
    paymenter.change(settings={"wait": "0"})
    await paymenter.shop.upstream.fault(function="vds.suspend", kind="http_503", when="before")
    paymenter.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    await paymenter.failed("suspendServer")
    await paymenter.done("unsuspendServer")
    operations = (await paymenter.api.shop.get("/v1/operations")).json()["items"]
    assert [one["kind"] for one in operations] == ["resume", "suspend", "open"], "although it is active still"
    paymenter.change(status="active")
    await paymenter.compare()
    assert len((await paymenter.api.shop.get("/v1/operations")).json()["items"]) == 3


@pytest.mark.proof
async def test_terminate_and_create_again_is_a_new_order(paymenter: Paymenter) -> None:
    paymenter.sell()
    await paymenter.done("createServer")
    await paymenter.line.down()
    await paymenter.failed("terminateServer")  # Paymenter does not try again
    paymenter.change(status="cancelled")
    await paymenter.line.up()
    await paymenter.compare()
    await paymenter.settled()
    assert (await paymenter.service())["status"] == "closed"
    paymenter.change(status="active")
    await paymenter.done("createServer")
    assert await paymenter.charges("open") == ["open", "open"]
    assert [(await paymenter.service(number))["reference"] for number in (1, 2)] == ["41.0", "41.1"]
    # An order whose answer is lost, and which is terminated: it is found, and closed.
    paymenter.sell(42)
    paymenter.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    await paymenter.failed("createServer", 42)
    await paymenter.done("terminateServer", 42)
    await paymenter.settled()
    assert (await paymenter.service(3))["status"] == "closed"
    assert await paymenter.compare() == []


@pytest.mark.proof
async def test_an_upgrade_changes_plan_and_addons_once_and_an_unticked_box_switches_off(paymenter: Paymenter) -> None:
    await map_addons(paymenter.shop, "VDS-1", ram="addon_61", backup="addon_62")
    await paymenter.shop.upstream.set(disk_change="automatic", addons_on_change="mapped")
    box = {"type": "checkbox", "env_variable": "addon_backup"}
    paymenter.sell(chosen={"addon_ram": "4", "addon_backup": "Daily backups"}, options=[box])
    await paymenter.done("createServer")
    assert (await paymenter.service())["addons"] == {"ram": 4, "backup": "on"}
    paymenter.change(chosen={"addon_ram": "6", "addon_backup": None})
    paymenter.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    await paymenter.failed("upgradeServer")
    await paymenter.compare()
    await paymenter.settled()
    assert (await paymenter.service())["addons"] == {"ram": 6}
    await paymenter.done("upgradeServer")  # it is there: nothing is asked for
    keys = [one.headers["idempotency-key"] for one in paymenter.line.requests if one.method == "PATCH"]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    paymenter.change(settings={"plan": "VDS-2"}, options=[], chosen={"addon_ram": ""})
    assert "waits for " in await paymenter.failed("upgradeServer"), "the larger disk needs a person"
    await paymenter.cancelled(3)
    await paymenter.compare()
    assert paymenter.note("resellflow_says").startswith("Operation 3 was cancelled: ")


@pytest.mark.proof
async def test_a_term_is_bought_when_its_end_is_near_and_the_customer_has_paid_for_more(paymenter: Paymenter) -> None:
    paymenter.sell(settings={"lead": "40"})
    await paymenter.done("createServer")
    ends = date.fromisoformat((await paymenter.service())["expires_on"])
    paymenter.change(expires_at=str(ends + timedelta(days=2)))
    await paymenter.compare()
    assert await paymenter.charges("prolong") == [], "a difference of two days is no term"
    paymenter.change(paid_for_days=60, settings={"lead": "7"})
    await paymenter.compare()
    assert await paymenter.charges("prolong") == [], "there is time"
    paymenter.change(settings={"lead": "40"})
    paymenter.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    await paymenter.compare()
    await paymenter.settled()
    for _ in range(3):
        await paymenter.compare()
        await paymenter.settled()
    assert await paymenter.charges("prolong") == RENEWED
    # Who was suspended and pays late has paid for another term: it is bought with the resumption.
    await paymenter.done("suspendServer")
    await paymenter.settled()
    before = await paymenter.service()
    paymenter.change(paid_for_days=90, settings={"lead": "70"})
    await paymenter.done("unsuspendServer")
    await paymenter.settled()
    after = await paymenter.service()
    assert (before["status"], after["status"]) == ("suspended", "active")
    assert before["expires_on"] < after["expires_on"]
    assert await paymenter.charges("prolong") == RENEWED * 2
    await paymenter.compare()
    assert await paymenter.charges("prolong") == RENEWED * 2


@pytest.mark.proof
async def test_a_renewal_that_somebody_else_made_or_cancelled_is_not_made_again(paymenter: Paymenter) -> None:
    paymenter.sell(paid_for_days=60, settings={"lead": "40"})
    await paymenter.done("createServer")
    await paymenter.shop.upstream.set_balance("1.00")
    await paymenter.compare()
    await paymenter.cancelled(2)
    await paymenter.compare()
    assert len([one for one in paymenter.line.requests if one.path.endswith("/prolong")]) == 1
    assert "operation 2 was cancelled: " in paymenter.note("resellflow_reports")
    await paymenter.shop.upstream.set_balance("100.00")
    answer = await paymenter.api.operator.post(
        "/v1/services/1/prolong", json={"period_months": 1}, headers={"Idempotency-Key": "by olga"}
    )
    assert answer.status_code == 201, answer.text
    await paymenter.settled()
    await paymenter.compare()
    assert await paymenter.charges("prolong") == RENEWED
    assert paymenter.note("resellflow_reports") == ""


@pytest.mark.proof
async def test_what_the_provider_does_is_shown_and_a_closed_service_gets_no_more_invoices(paymenter: Paymenter) -> None:
    paymenter.sell(invoices=[{"status": "pending"}, {"status": "paid"}])
    await paymenter.done("createServer")
    [item] = await paymenter.shop.upstream.items()
    await paymenter.shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3, "reason": "abusesuspend"})
    await paymenter.until_status("suspended")
    assert await paymenter.compare() == [
        ["warning", "Resellflow: service 41: the provider has suspended it: abusesuspend"]
    ]
    assert await paymenter.compare() == [], "it is told once"
    assert paymenter.note("resellflow_reports") == "the provider has suspended it: abusesuspend"
    assert paymenter.row()["status"] == "active", "Paymenter would send no invoice, and terminate it"
    await paymenter.shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 2})
    await paymenter.until_status("active")
    await paymenter.compare()
    assert paymenter.note("resellflow_reports") == ""
    seen = len(paymenter.line.requests)
    assert await paymenter.compare() == []
    assert [one.path for one in paymenter.line.requests[seen:]] == ["/v1/services"], "one request for all services"
    paymenter.change(status="cancelled")
    [[_, warning]] = await paymenter.compare()
    assert warning == (
        "Resellflow: service 41: Resellflow's service 1 is active, and cancelled in Paymenter. Look at its operations."
    )
    paymenter.change(status="active")
    closed = await paymenter.api.operator.request(
        "DELETE", "/v1/services/1", headers={"Idempotency-Key": "olga closes"}
    )
    assert closed.status_code == 201, closed.text
    await paymenter.settled()
    await paymenter.compare()
    assert paymenter.row()["status"] == "cancelled"
    assert [one["status"] for one in paymenter.row()["invoices"]] == ["cancelled", "paid"]


def message(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, Any]:
    """A message as Resellflow signs it."""
    when = str(int(at or time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"id.{when}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "id", "webhook-timestamp": when, "webhook-signature": f"v1,{signature}"}
    return {"headers": headers, "body": body.decode()}


@pytest.mark.proof
async def test_a_message_about_a_completed_order_has_the_customer_told(paymenter: Paymenter) -> None:
    paymenter.sell(settings={"wait": "0"})
    await paymenter.failed("createServer")
    await paymenter.settled()
    body = json.dumps({"data": {"service": 1}}).encode()
    none = await paymenter.call("webhook", None, request=message(body))
    assert (none["status"], none["content"]) == (401, "No server of this shop has a secret for webhooks.")
    paymenter.secret = SECRET
    forged = await paymenter.call("webhook", None, request=message(body, secret="whsec_b2xk"))
    assert (forged["status"], forged["content"], paymenter.asked) == (401, "The signature is wrong.", [])
    late = await paymenter.call("webhook", None, request=message(body, at=time.time() - 400))
    assert late["status"] == 401
    taken = await paymenter.call("webhook", None, request=message(body))
    assert (taken["status"], paymenter.asked) == (204, [["CompareJob", 1, 1]])
    paymenter.change(server_id=2)
    await paymenter.call("CompareJob", None, arguments=[1, 1])
    assert paymenter.asked == [], "the product belongs to another server"
    paymenter.change(server_id=1)
    await paymenter.call("CompareJob", None, arguments=[1, 1])
    assert paymenter.asked == [["CreateJob", 41]]
    await paymenter.call("CompareJob", None, arguments=[1, 99])
    assert paymenter.asked == [], "a service of another shop"
    await paymenter.done("createServer")
    assert await paymenter.charges("open") == ["open"]
