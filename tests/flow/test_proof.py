"""What proves that a request on an item was done: the date that was asked for; a no that lied; one repeat at most."""

import pytest
from sqlmodel import select

from models.enums import IncidentKind, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind
from models.order import Service
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

PROLONG, PLAN = "service.prolong", "service.changepricelist"
WHY = Decision(actor="olga", reason="looked at the upstream")


async def _active(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def _prolonged(shop: Shop) -> int:
    return len([charge for charge in await shop.upstream.charges() if charge["operation"] == "prolong"])


async def _sent(shop: Shop, function: str) -> int:
    return len([one for one in await shop.upstream.requests(function) if one["committing"]])


@pytest.mark.proof
async def test_a_lost_prolongation_is_done_where_the_quoted_date_is_reached(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="after")
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.COMPLETED)
    assert await _prolonged(shop) == 1
    assert await _sent(shop, PROLONG) == 1
    [intent] = await shop.intents(order.operation)
    assert intent.evidence["verdict"] == "done"


@pytest.mark.proof
async def test_a_lost_prolongation_and_another_term_given_by_staff_go_to_a_person_with_both_dates(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="before")
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.OUTCOME_UNKNOWN)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"extend_months": 12})
    operation = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert await _prolonged(shop) == 0
    after = await shop.upstream.items()
    assert f"expires {after[0]['expiredate']} now, {service.expires_on} before" in operation.waits_for


@pytest.mark.proof
async def test_the_month_that_staff_give_after_a_lost_prolongation_is_reported_with_both_readings(shop: Shop) -> None:
    """Found by the soak: the dates are the same, and only the expenses tell the two apart."""
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="before")
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.OUTCOME_UNKNOWN)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"extend_months": 1})
    await shop.until(order, Stage.COMPLETED, timeout=30)
    assert await _prolonged(shop) == 0
    assert await _sent(shop, PROLONG) == 1
    [incident] = await _incidents(shop)
    assert incident.kind is IncidentKind.OTHER_TERM
    assert "was carried out and its charge of 5.00 EUR is not listed yet" in incident.message
    assert "somebody else made the same change" in incident.message


@pytest.mark.proof
@pytest.mark.parametrize("readable", [True, False], ids=["listed", "not-readable"])
async def test_a_lost_prolongation_that_was_charged_or_whose_charges_nobody_may_read_is_no_incident(
    shop: Shop, readable: bool
) -> None:
    service = await _active(shop)
    if not readable:
        await shop.upstream.fault(function="expense", kind="error", error={"type": "access"})
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="after")
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.COMPLETED, timeout=30)
    assert await _prolonged(shop) == 1
    assert await _incidents(shop) == []


FURTHER = [pytest.param(error, marks=pytest.mark.proof) for error in ("moon_phase", "access", "not_enough_money")]


@pytest.mark.proof
@pytest.mark.parametrize("error", ["value", *FURTHER])
async def test_a_no_to_a_prolongation_that_was_charged_all_the_same_is_not_charged_again(
    shop: Shop, error: str
) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="error", when="after", error={"type": error})
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    operation = await shop.until(order, Stage.NEEDS_ATTENTION, Stage.COMPLETED, timeout=30)
    if operation.stage is Stage.NEEDS_ATTENTION:
        await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
        await shop.until(order, Stage.COMPLETED)
    assert await _prolonged(shop) == 1
    after = await shop.service(order.service)
    assert after.expires_on is not None
    assert service.expires_on is not None
    assert (after.expires_on - service.expires_on).days in range(28, 32)


@pytest.mark.proof
async def test_a_new_password_is_sent_twice_at_most_when_answers_stay_lost(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function="service.changepassword", sok=True, kind="cut", when="after")
    order = await shop.resellflow.change_parameters(service.id or 0, ServiceChange(password="new"), key="x")
    operation = await shop.until(order, Stage.NEEDS_ATTENTION, timeout=60)
    assert await _sent(shop, "service.changepassword") == 2
    assert "requested 2 times" in operation.waits_for


@pytest.mark.proof
async def test_a_new_password_that_was_refused_every_time_ends_when_it_is_called_off(shop: Shop) -> None:
    """Found by the soak: its refusals counted as requests without an answer, and what was behind it waited."""
    service = await _active(shop)
    await shop.upstream.fault(function="service.changepassword", kind="error", error={"type": "value"})
    order = await shop.resellflow.change_parameters(service.id or 0, ServiceChange(password="new"), key="x")
    behind = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    for times in (1, 2):
        await shop.until(order, Stage.NEEDS_ATTENTION)
        assert await _sent(shop, "service.changepassword") == times
        await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
    await shop.until(order, Stage.NEEDS_ATTENTION)
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, WHY)
    await shop.until(order, Stage.CANCELLED)
    await shop.until(behind, Stage.COMPLETED)


@pytest.mark.proof
async def test_a_refused_password_that_is_called_off_does_not_wait_for_what_the_item_is_worked_on_for(
    shop: Shop,
) -> None:
    """Found by the soak: the item was at work for something else, without an end, and so the call off was, too."""
    service = await _active(shop)
    await shop.upstream.fault(function="service.changepassword", kind="error", error={"type": "value"})
    order = await shop.resellflow.change_parameters(service.id or 0, ServiceChange(password="new"), key="x")
    await shop.until(order, Stage.NEEDS_ATTENTION)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 5})
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, WHY)
    await shop.until(order, Stage.CANCELLED, timeout=30)
    assert (await shop.upstream.items())[0]["status"] == 5


@pytest.mark.proof
async def test_a_task_that_only_a_form_shows_closes_by_itself_when_it_is_done_at_the_upstream(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function="vds.edit", sok=True, times=1, kind="error", error={"type": "access"})
    change = ServiceChange(addons={"ram": 4})
    order = await shop.resellflow.change_parameters(service.id or 0, change, key="x")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"addons": {"61": "4"}})
    await shop.until(order, Stage.COMPLETED)
    assert await _sent(shop, "vds.edit") == 1


@pytest.mark.proof
async def test_a_second_attempt_measures_from_the_expiry_before_the_first(shop: Shop) -> None:
    """The first was proven not done; its money came late. Whatever the item gained meanwhile is looked at first."""
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="error", when="before", error={"type": "value"})
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.NEEDS_ATTENTION)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"extend_months": 12})
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)

    async def asked_with_both_dates() -> bool:
        operation = await shop.operation(order.operation)
        assert operation.stage is Stage.NEEDS_ATTENTION
        assert str(service.expires_on) in operation.waits_for
        return True

    await assert_eventually(asked_with_both_dates)
    assert await _prolonged(shop) == 0
    vouched = WHY.model_copy(update={"nothing_was_bought": True})
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, vouched)
    await shop.until(order, Stage.COMPLETED)
    assert await _prolonged(shop) == 1


@pytest.mark.proof
async def test_a_prolongation_that_the_upstream_carries_out_after_all_is_reported_with_both_requests(
    shop: Shop,
) -> None:
    """The first request counted as not done when the window was over, and the second one was accepted."""
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="before")
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p")
    await shop.until(order, Stage.COMPLETED)
    assert await _incidents(shop) == []
    await shop.upstream.call(PROLONG, elid=service.upstream_number or "", period="1", sok="ok")
    assert await _prolonged(shop) == 2

    async def reported() -> Incident | None:
        return next(iter(await _incidents(shop)), None)

    incident = await assert_eventually(reported, timeout=30)
    assert incident is not None
    assert (incident.kind, incident.operation_id) == (IncidentKind.OTHER_TERM, order.operation)
    after = await shop.service(order.service)
    assert f"it expires {after.expires_on}, and request 2 of operation {order.operation}" in incident.message
    assert f"request 1 of operation {order.operation}" in incident.message
    assert "ask for one of them back" in incident.message


KEPT_BACK = 3600
"""Seconds for which the upstream does not show what it has charged for: much longer than the settle window."""


SHOWN_LATE = [pytest.param(kind, marks=pytest.mark.proof) for kind in ("open", "change_plan", "set_parameters")]


@pytest.mark.parametrize("kind", ["prolong", *SHOWN_LATE])
async def test_what_the_upstream_has_charged_for_and_shows_late_is_not_sent_again(shop: Shop, kind: str) -> None:
    """Its expenses prove it: the item looks as before for longer than the settle window."""
    function = {"open": "*.order.param", "prolong": PROLONG, "change_plan": PLAN, "set_parameters": "vds.edit"}[kind]
    if kind != "open":
        service = await _active(shop)
    shop.resellflow.settings = shop.settings.model_copy(update={"manual_plan_changes": {}})
    late = {"operation_delay": KEPT_BACK, "operation_shown": False, "commit_delay": KEPT_BACK}
    await shop.upstream.set(disk_change="automatic", **late)
    before = len(await shop.upstream.charges())
    await shop.upstream.fault(function=function, sok=True, times=1, kind="cut", when="after")
    match kind:
        case "open":
            order = await shop.order()
        case "prolong":
            order = await shop.resellflow.prolong(service.id, 1, key="x")
        case "change_plan":
            order = await shop.resellflow.change_plan(service.id, "VDS-2", key="x")
        case _:
            order = await shop.resellflow.change_parameters(service.id, ServiceChange(addons={"ram": 4}), key="x")

    async def charge_is_found() -> bool:
        sent = await shop.intents(order.operation)
        assert len(sent) <= 1
        return any("charge" in intent.evidence for intent in sent)

    await assert_eventually(charge_is_found, timeout=30)
    await shop.upstream.admin("POST", "/clock", {"advance_seconds": KEPT_BACK})
    await shop.until(order, Stage.COMPLETED, timeout=60)
    assert len(await shop.upstream.charges()) == before + 1
    assert len(await shop.intents(order.operation)) == 1


@pytest.mark.proof
async def test_a_prolongation_after_one_that_was_sent_twice_is_no_second_one(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.fault(function=PROLONG, sok=True, times=1, kind="cut", when="before")
    for key in ("p", "q"):
        order = await shop.resellflow.prolong(service.id or 0, 1, key=key)
        await shop.until(order, Stage.COMPLETED)
    assert await _prolonged(shop) == 2
    assert await _incidents(shop) == []


async def _incidents(shop: Shop) -> list[Incident]:
    async with shop.database.read() as session:
        return list((await session.exec(select(Incident))).all())


SWITCHES = [("suspend", "vds.suspend"), ("resume", "vds.resume"), ("close_service", "vds.delete")]


@pytest.mark.proof
@pytest.mark.parametrize("works_for", [0, 3600])
async def test_a_no_to_what_was_done_all_the_same_leaves_no_task(shop: Shop, works_for: int) -> None:
    """One rule for all kinds: the item is looked at before a person is asked. Where the upstream still works on it, the
    task is opened, and closed automatically when the item shows it."""
    service = await _active(shop)
    await shop.upstream.set(operation_delay=works_for)
    for ask, function in SWITCHES:
        refusal = {"type": "value", "object": "period"}
        await shop.upstream.fault(function=function, times=1, kind="error", when="after", error=refusal)
        order = await getattr(shop.resellflow, ask)(service.id, key=ask)
        if works_for:
            await shop.until(order, Stage.AWAITING_MANUAL_TASK)
            await shop.upstream.admin("POST", "/clock", {"advance_seconds": works_for})
        await shop.until(order, Stage.COMPLETED)
        assert (Stage.AWAITING_MANUAL_TASK in await shop.stages(order.operation)) is bool(works_for)
        assert await _sent(shop, function) == 1
