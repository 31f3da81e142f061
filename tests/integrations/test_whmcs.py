"""The provisioning module for WHMCS, called as WHMCS documents it, against a running Resellflow."""

import asyncio
import json
import subprocess

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from tests.infrastructure.proxy import Answer, Reaches
from tests.integrations.installation import asks
from tests.integrations.whmcs import HARNESS, MODULE, Whmcs
from tests.storefront.api import OPERATOR_TOKEN

MARCH = {"nextduedate": "2026-03-01", "domainstatus": "Active"}
APRIL = {"nextduedate": "2026-04-01", "domainstatus": "Active"}


@pytest.mark.usefixtures("php")
def test_every_file_is_php() -> None:
    files = [*HARNESS.parent.glob("*.php"), *MODULE.rglob("*.php")]
    assert len(files) > 5
    checked = [subprocess.run(["php", "-l", file], capture_output=True, text=True) for file in files]
    assert [one.stdout + one.stderr for one in checked if one.returncode != 0] == []


@pytest.mark.usefixtures("php")
def test_two_commands_at_once_keep_each_others_notes() -> None:
    script = """
        require $argv[1];
        $properties = new class {
            public string $text = '';
            public function get(string $name): string { return $this->text; }
            public function save(array $values): void { $this->text = $values['Resellflow state']; }
        };
        [$one, $other] = [new Resellflow\\State($properties), new Resellflow\\State($properties)];
        $one->remember('renew', ['key' => 'a']);
        $other->set(['service' => 1]);
        $one->settle('renew');
        $one->set(['renewed' => 'by one']);
        $other->set(['expires_on' => '2026-03-01']);
        echo $properties->text;
    """
    common = MODULE / "lib" / "common" / "load.php"
    done = subprocess.run(["php", "-r", script, str(common)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"service": 1, "renewed": "by one", "expires_on": "2026-03-01"}


@pytest.mark.proof
async def test_settings_and_plans(whmcs: Whmcs) -> None:
    assert await whmcs.call("TestConnection") == {"success": True, "error": ""}
    options = await whmcs.call("ConfigOptions")
    assert options["Plan"]["Loader"] == "resellflow_Plans"
    plans = await whmcs.call("Plans")
    assert list(plans) == ["LIC-1", "VDS-1", "VDS-2"]
    assert plans["VDS-1"] == "VDS-1 (vds; 1 month: 7.90 EUR)"
    wrong = await whmcs.call("TestConnection", serverpassword="nobody-has-it")
    assert wrong["success"] is False
    assert wrong["error"].startswith("Resellflow does not accept the token of this server.")
    operator = await whmcs.call("TestConnection", serverpassword=OPERATOR_TOKEN)
    assert operator["error"] == "The token belongs to olga, whose role is admin. Use the token of a storefront."
    refused = await whmcs.call("CreateAccount", serverpassword="nobody-has-it")
    assert refused.startswith("Resellflow does not accept the token of this server.")
    unknown = await whmcs.call("CreateAccount", configoptions={"addon.wings|Wings": "2"})
    assert unknown.startswith("addons.wings: ")
    await whmcs.line.down()
    away = await whmcs.call("CreateAccount")
    assert "There was no answer from Resellflow" in away
    await whmcs.line.up()
    assert await whmcs.charges() == []
    assert not any(whmcs.token in entry for entry in whmcs.log)


async def test_an_order_whose_answer_was_lost_is_bought_once_also_if_the_product_was_edited(whmcs: Whmcs) -> None:
    whmcs.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    lost = await whmcs.call("CreateAccount", configoptions={"addon.ram|Memory": "4"})
    assert "Run the command again: it is the same request" in lost
    await whmcs.done("CreateAccount", configoptions={"addon.ram|Memory": "8"})
    await whmcs.done("CreateAccount")  # WHMCS did not hear of it, so the service is still pending there
    assert await whmcs.charges("open") == ["open"]
    service = await whmcs.service()
    assert (service["reference"], service["customer"], service["addons"]) == ("41.0", "whmcs-7", {"ram": 4})
    assert (service["name"], service["parameters"]) == ("v41.example.com", {"template": "debian-12"})
    assert json.loads(whmcs.properties(41).read_text())["Dedicated IP"] == service["ip"], "WHMCS's e-mails show it"
    again = await whmcs.call("CreateAccount", model={"domainstatus": "Active"})
    assert again == "Nothing was ordered: this is service 1, which is active. Terminate it first to order anew."


@pytest.mark.proof
async def test_an_order_that_waits_is_no_success_until_it_is_completed(whmcs: Whmcs) -> None:
    await whmcs.shop.upstream.set_balance("1.00")
    waiting = await whmcs.call("CreateAccount", configoption4="0")
    assert waiting.startswith("Ordered as service 1. Operation 1 waits for ")
    assert "orders nothing" in waiting
    await whmcs.shop.upstream.set_balance("100.00")
    await whmcs.done("CreateAccount")
    assert await whmcs.charges("open") == ["open"]


@pytest.mark.proof
async def test_terminate_and_create_again_is_a_new_order(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    await whmcs.done("TerminateAccount")
    await whmcs.settled()
    await whmcs.done("CreateAccount")
    assert await whmcs.charges("open") == ["open", "open"]
    services = (await whmcs.api.shop.get("/v1/services")).json()["items"]
    assert [(one["number"], one["reference"], one["status"]) for one in services] == [
        (2, "41.1", "active"),
        (1, "41.0", "closed"),
    ]
    # An order whose answer is lost, and which is terminated: it is found, and closed.
    whmcs.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    await whmcs.call("CreateAccount", service=42)
    await whmcs.done("TerminateAccount", service=42)
    await whmcs.settled()
    assert (await whmcs.service(3))["status"] == "closed"


@pytest.mark.proof
async def test_a_term_is_renewed_once_by_cron_and_callback(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    before = whmcs.state()["expires_on"]
    both = await asyncio.gather(whmcs.call("Renew", model=MARCH), whmcs.call("Renew", model=MARCH))
    assert "success" in both
    later = await whmcs.call("Renew", model=MARCH)
    assert later.startswith("Nothing was ordered for the due date 2026-03-01: "), later
    await whmcs.settled()
    assert await whmcs.charges("prolong") == ["prolong"]
    await whmcs.done("Renew", model=APRIL)
    assert await whmcs.charges("prolong") == ["prolong"] * 2, "another due date is another term"
    await whmcs.done("RenewOnceMore", model=APRIL)
    assert await whmcs.charges("prolong") == ["prolong"] * 3
    asked = [one for one in whmcs.line.requests if one.path.endswith("/prolong")]
    keys = list(dict.fromkeys(one.headers["idempotency-key"] for one in asked))
    assert keys[0] == f"whmcs-41.0-renew-{before}"
    assert len(keys) == 3


@pytest.mark.proof
async def test_a_renewal_whose_answer_was_lost_is_charged_once_although_the_expiry_moved(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    whmcs.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    assert "Run the command again" in await whmcs.call("Renew", model=MARCH)
    await whmcs.settled()
    await whmcs.done("UnsuspendAccount")  # reads the service, and so the new expiry
    await whmcs.done("Renew", model=MARCH)
    assert await whmcs.charges("prolong") == ["prolong"]
    await whmcs.done("Renew", model=APRIL)
    await whmcs.settled()
    assert await whmcs.charges("prolong") == ["prolong"] * 2


@pytest.mark.proof
async def test_a_renewal_that_was_only_accepted_does_not_stand_in_for_the_next(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    await whmcs.done("Renew", model=MARCH, configoption4="0")
    await whmcs.settled()
    await whmcs.done("Renew", model=APRIL)
    await whmcs.settled()
    assert await whmcs.charges("prolong") == ["prolong"] * 2


@pytest.mark.proof
async def test_a_term_that_somebody_else_renewed_is_not_renewed_again_by_retries(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    answer = await whmcs.api.operator.post(
        "/v1/services/1/prolong",
        json={"period_months": 1, "expires_on": whmcs.state()["expires_on"]},
        headers={"Idempotency-Key": "by olga"},
    )
    assert answer.status_code == 201, answer.text
    await whmcs.settled()
    first = await whmcs.call("Renew", model=MARCH)
    assert first != "success"
    again = await whmcs.call("Renew", model=MARCH)
    assert again.startswith("Nothing was ordered for the due date 2026-03-01: ")
    assert await whmcs.charges("prolong") == ["prolong"]


@pytest.mark.proof
async def test_each_change_of_the_package_is_a_new_wish_and_its_retries_are_not(whmcs: Whmcs) -> None:
    async with whmcs.shop.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-2"))).one()
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
        plan.resources, mapping.addons = {"disk_gb": 30}, {"ram": "addon_61"}
        session.add_all([plan, mapping])
    await whmcs.shop.upstream.set(disk_change="automatic", addons_on_change="mapped")
    await whmcs.done("CreateAccount")
    whmcs.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    assert "Run the command again" in await whmcs.call("ChangePackage", configoption1="VDS-2")
    await whmcs.done("ChangePackage", configoption1="VDS-2")
    await whmcs.done("ChangePackage", configoption1="VDS-2")  # it is there: nothing is asked for
    await whmcs.done("ChangePackage", configoption1="VDS-1")
    await whmcs.done("ChangePackage", configoption1="VDS-2")
    await whmcs.settled()
    assert (await whmcs.service())["plan"] == "VDS-2"
    keys = [one.headers["idempotency-key"] for one in whmcs.line.requests if one.path.endswith("/change-plan")]
    assert keys == [
        "whmcs-41.0-package-VDS-2-1",
        "whmcs-41.0-package-VDS-2-1",
        "whmcs-41.0-package-VDS-1-2",
        "whmcs-41.0-package-VDS-2-3",
    ]


@pytest.mark.proof
async def test_suspend_and_unsuspend_again_and_again_then_more_memory_and_a_new_password(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    for _ in range(2):
        await whmcs.done("SuspendAccount", suspendreason="overdue on payment")
        await whmcs.settled()
        assert (await whmcs.service())["status"] == "suspended"
        await whmcs.done("UnsuspendAccount")
        await whmcs.settled()
        assert (await whmcs.service())["status"] == "active"
    await whmcs.done("ChangePackage", configoptions={"addon.ram|Memory": 6})
    assert (await whmcs.service())["addons"] == {"ram": 6}
    told = await whmcs.call("ChangePassword", password="made-up")
    assert "was not changed" in told
    assert "button" not in told, "customers read it too"
    assert '"Set a new password"' not in told
    await whmcs.done("NewPassword")


@pytest.mark.proof
async def test_what_a_person_cancelled_is_told_and_the_next_command_is_a_new_wish(whmcs: Whmcs) -> None:
    await whmcs.shop.upstream.set_balance("1.00")
    assert "Operation 1 waits for " in await whmcs.call("CreateAccount", configoption4="0")
    await whmcs.cancelled(1)
    assert (await whmcs.call("CreateAccount")).startswith("Order 1 was cancelled: ")
    await whmcs.shop.upstream.set_balance("100.00")
    await whmcs.done("CreateAccount")
    assert await whmcs.charges("open") == ["open"]
    # The larger disk needs a person: nothing is settled, and a retry asks for nothing new.
    for _ in range(2):
        assert "Operation 3 waits for " in await whmcs.call("ChangePackage", configoption1="VDS-2")
    await whmcs.cancelled(3)
    assert (await whmcs.call("ChangePackage", configoption1="VDS-2")).startswith("Operation 3 was cancelled: ")
    assert "Operation 4 waits for " in await whmcs.call("ChangePackage", configoption1="VDS-2")


@pytest.mark.proof
async def test_a_suspension_whose_answer_was_lost_does_not_stand_in_for_a_later_one(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    whmcs.line.lay(Answer.CUT, Reaches.BEFORE, chosen=asks)
    assert "Run the command again" in await whmcs.call("SuspendAccount", suspendreason="overdue")
    await whmcs.settled()
    await whmcs.done("UnsuspendAccount")
    await whmcs.settled()
    await whmcs.done("SuspendAccount", suspendreason="overdue again")
    await whmcs.settled()
    assert (await whmcs.service())["status"] == "suspended"
    # Staff look after a suspended service with Create: WHMCS would call it active, and write to the customer.
    answer = await whmcs.call("CreateAccount", model={"domainstatus": "Suspended"})
    assert answer == "Nothing was ordered: this is service 1, which is suspended. Terminate it first to order anew."


@pytest.mark.proof
async def test_a_renewal_that_a_person_cancelled_later_is_ordered_anew(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    await whmcs.shop.upstream.set_balance("1.00")
    await whmcs.done("Renew", model=MARCH, configoption4="0")
    await whmcs.cancelled(2)
    await whmcs.shop.upstream.set_balance("100.00")
    await whmcs.done("Renew", model=MARCH)
    again = await whmcs.call("Renew", model=MARCH)
    assert again.startswith("Nothing was ordered for the due date 2026-03-01: ")
    await whmcs.done("Renew", model=APRIL)
    assert await whmcs.charges("prolong") == ["prolong"] * 2


async def test_what_was_sold_several_times_in_one_is_refused(whmcs: Whmcs) -> None:
    answer = await whmcs.call("CreateAccount", model={"qty": 3})
    assert answer.startswith("This service was sold 3 times in one")
    assert await whmcs.charges() == []


@pytest.mark.proof
async def test_an_addon_of_a_product_is_refused_because_its_service_id_is_the_products(whmcs: Whmcs) -> None:
    await whmcs.done("CreateAccount")
    answer = await whmcs.call("CreateAccount", model={"class": "WHMCS\\Service\\Addon"}, service=41)
    assert answer.startswith("Product addons can't be ordered with this module.")
    assert await whmcs.charges("open") == ["open"]
