"""Orders from the shell, with a whole reseller behind it: placed, followed, looked at, decided about."""

import pytest

from models.enums import Stage
from tests.cli.shell import Run, Shell
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


async def rejected_order(shop: Shop, shell: Shell) -> Run:
    """An order that the upstream refuses for its template: it needs a person."""
    await shop.upstream.fault(
        function="*.order.param",
        sok=True,
        times=1,
        kind="error",
        error={"type": "value", "object": "ostempl", "params": {"value": "Debian-12"}},
    )
    return await shell.resell(
        "order", "VDS-1", "--customer", "jane", "--period", 1, "--param", "template=debian-12", "--wait", "--json"
    )


@pytest.mark.proof
async def test_an_order_is_followed_to_its_end(shop: Shop, shop_shell: Shell) -> None:
    run = await shop_shell.process(
        *("order", "VDS-1", "--customer", "jane", "--period", 1, "--domain", "v1.example.com"),
        *("--param", "template=debian-12", "--addon", "ram=2", "--key", "cart-1", "--wait"),
    )
    run.done()
    assert run.lines[0] == "service 1, operation 1 (key cart-1)"
    stages = [line[10:].partition(":")[0] for line in run.lines[1:-1]]
    assert stages[0] == "accepted"
    assert stages[-2:] == ["awaiting_confirmation", "completed"]
    [item] = await shop.upstream.items()
    assert run.lines[-1].startswith(f"service 1 is active as item {item['id']} after ")
    again = await shop_shell.resell(
        *("order", "VDS-1", "--customer", "jane", "--period", 1, "--domain", "v1.example.com"),
        *("--param", "template=debian-12", "--addon", "ram=2", "--key", "cart-1", "--wait", "--json"),
    )
    assert (again.done().json["service"], again.json["created"]) == (1, False)
    assert [entry["stage"] for entry in again.json["stages"]] == stages
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_an_order_that_needs_a_person_is_corrected_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    order = await rejected_order(shop, shop_shell)
    assert order.status == 1
    assert order.json["stage"] == "needs_attention"
    shown = (await shop_shell.resell("operations", "show", 1)).done()
    may = next(line for line in shown.lines if line.startswith("a person may"))
    for offered in ("try again", "correct its parameters", "mark it done", "cancel the order"):
        assert offered in may
    (await shop_shell.resell("operations", "correct", 1, "--reason", "typo", "--set", "template=debian-13")).failed(
        "parameters.template: unknown template 'debian-13'; known: debian-12"
    )
    (await shop_shell.resell("operations", "look-now", 1)).failed(
        "look-now is possible once the upstream has accepted it"
    )
    corrected = await shop_shell.resell(
        *("operations", "correct", 1, "--reason", "typo", "--set", "domain=v2.example.com", "--actor", "anna")
    )
    assert corrected.done().out.startswith("operation 1 is ")
    followed = await shop_shell.resell("operations", "wait", 1)
    assert followed.done().lines[-1].startswith("service 1 is active")
    audit = (await shop_shell.resell("operations", "show", 1, "--json")).done().json["audit"]
    decision = next(entry for entry in audit if entry["action"] == "correct_and_retry")
    assert (decision["actor"], decision["detail"]["reason"]) == ("anna", "typo")
    (await shop_shell.resell("operations", "retry", 1, "--reason", "again")).failed("operation 1 is in stage completed")


@pytest.mark.proof
async def test_an_order_is_cancelled_or_marked_done_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    await rejected_order(shop, shop_shell)
    await rejected_order(shop, shop_shell)
    cancelled = await shop_shell.resell("operations", "cancel", 1, "--reason", "changed her mind", "--json")
    assert cancelled.done().json["stage"] == "outcome_unknown", (
        "the upstream said no: what it may have left is looked for"
    )
    marked = await shop_shell.resell(
        *("operations", "mark-done", 2, "--reason", "by hand", "--upstream-number", "4711", "--json")
    )
    assert marked.done().json["stage"] == "completed"

    async def ended() -> bool:
        return (await shop.operation(1)).stage is Stage.CANCELLED

    await assert_eventually(ended, message="nothing is left, so it is cancelled automatically")
    services = (await shop_shell.resell("services", "--json")).done().json["items"]
    assert [(one["number"], one["status"]) for one in services] == [(2, "active"), (1, "closed")]


@pytest.mark.proof
async def test_a_price_that_nobody_expected_is_seen_and_accepted_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    await shop.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": "40.00"}})
    order = ("order", "VDS-1", "--customer", "jane", "--period", 1, "--wait", "--json")
    assert (await shop_shell.resell(*order, "--cost-limit", "6")).status == 2
    assert (await shop_shell.resell(*order, "--cost-limit", "6.00 EUR")).json["stage"] == "needs_attention"
    shown = (await shop_shell.resell("operations", "show", 1)).done().out
    for words in (
        "upstream price  40.00 EUR",
        "quoted by the upstream: 40.00 EUR",
        "agreed at most  6.00 EUR",
        "price_changed",
    ):
        assert words in shown
    accept = ("operations", "accept-price", 1, "--reason", "she knows")
    (await shop_shell.resell(*accept, "--price", "39.00 EUR")).failed("price: the price is 40.00 EUR, not 39.00 EUR")
    (await shop_shell.resell(*accept, "--price", "40.00 EUR")).done()
    assert (await shop_shell.resell("operations", "wait", 1)).done().lines[-1].startswith("service 1 is active")
    audit = (await shop_shell.resell("operations", "show", 1, "--json")).done().json["audit"]
    assert next(one for one in audit if one["action"] == "accept_price")["detail"]["price"] == "40.00 EUR"
