"""What counts as proof that nothing was bought."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from models.enums import IncidentKind, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind
from models.order import StageEntry
from orders.lifecycle.acceptance import AcceptedOrder
from tests.standin.choices import Choices, Fault
from tests.standin.profiles import PROFILES
from tests.standin.rehearsal import Rehearsal, Story, eventually
from tests.standin.stories import story

NAME = frozenset({"name"})
IN_FORMS = Choices(list_shows=NAME, quotes="none")
"""The mark is in forms only."""
NOWHERE = Choices(list_shows=NAME, form_shows=NAME, quotes="none")
"""The mark is nowhere."""
CYRILLIC = "сервер.example.test"
POOR = replace(IN_FORMS, unpaid_row=True, price=Decimal("8.00"))
"""Dearer than the catalogue says; a refusal leaves a row."""


async def incidents(here: Story, kind: IncidentKind) -> list[str]:
    account = await here.account()
    async with here.shop.database.read() as session:
        found = await session.exec(
            select(Incident.message).where(Incident.kind == kind, Incident.account_id == account.id)
        )
        return list(found.all())


@story
async def test_at_an_upstream_known_to_show_nothing_absence_proves_nothing(rehearsal: Rehearsal) -> None:
    """A clean order has shown that neither marks nor names come back: a lost one is left to a person."""
    here = await rehearsal.story(PROFILES["blind"])
    await here.bought_once(await here.order())
    order = await here.order(parameters={"recipe": Fault.CUT_BEFORE.value})
    await here.left_to_a_person(order, charges=0)


@pytest.mark.parametrize(
    "where", [IN_FORMS, pytest.param(NOWHERE, marks=pytest.mark.proof)], ids=["in-forms", "nowhere"]
)
@pytest.mark.parametrize("spelling", ["unicode", pytest.param("upper", marks=pytest.mark.proof)])
@story
async def test_a_name_is_known_however_the_list_spells_it(rehearsal: Rehearsal, where: Choices, spelling: str) -> None:
    """An earlier order came back under its name; that proves nothing of a name that is spelled another way."""
    here = await rehearsal.story(replace(where, spelling=spelling))
    await here.bought_once(await here.order())
    await here.bought_once(await here.order(domain=CYRILLIC, parameters={"recipe": Fault.BAD_GATEWAY_AFTER.value}))


@story
async def test_a_new_item_whose_name_can_t_be_read_is_never_passed_over(rehearsal: Rehearsal) -> None:
    here = await rehearsal.story(replace(NOWHERE, spelling="lossy"))
    await here.bought_once(await here.order())
    order = await here.order(domain=CYRILLIC, parameters={"recipe": Fault.BAD_GATEWAY_AFTER.value})
    await here.left_to_a_person(order, charges=1)
    [intent] = await here.shop.intents(order.operation)
    [item] = here.panel.by_mark((await here.service(order)).mark)
    assert intent.evidence["in_question"] == [str(item.number)]
    assert str(item.number) in (await here.shop.operation(order.operation)).waits_for


@pytest.mark.proof
@pytest.mark.parametrize("mark", ["whmcs-7", ""], ids=["marked", "unmarked"])
@story
async def test_a_stranger_s_form_tells_that_it_is_no_order_of_ours_only_if_it_shows_a_mark(
    rehearsal: Rehearsal, mark: str
) -> None:
    """It appears while our request is lost. Its list's row says nothing of marks; its form does. A blank mark tells
    nothing, whatever forms of other items show: then a person is asked."""
    here = await rehearsal.story(IN_FORMS)
    await here.bought_once(await here.order())

    async def form_was_read() -> bool:
        return here.panel.calls.get("vds.edit", 0) > 0

    await eventually(form_was_read, "a form of ours has shown its mark")
    order = await here.order(domain=CYRILLIC, parameters={"recipe": Fault.CUT_BEFORE.value})
    await here.until(order, Stage.OUTCOME_UNKNOWN)
    stranger = here.panel.add("stranger.example.net", remoteid=mark)
    if not mark:
        await here.left_to_a_person(order, charges=0)
        assert str(stranger.number) in (await here.shop.operation(order.operation)).waits_for
        return
    await here.bought_once(order)
    first = (await here.shop.intents(order.operation))[0]
    [seen] = [item for item in _items(first.evidence) if item["list"]["name"] == "stranger.example.net"]
    assert seen["not_ours_because"] == "mark whmcs-7 and another name"


@pytest.mark.parametrize(
    "domain", ["", pytest.param("shop.example.com", marks=pytest.mark.proof)], ids=["our-name", "customers-name"]
)
@pytest.mark.parametrize(
    "where", [NOWHERE, pytest.param(Choices(quotes="none"), marks=pytest.mark.proof)], ids=["nowhere", "shown"]
)
@story
async def test_a_tariff_that_gives_names_of_its_own_and_shows_no_mark_is_not_bought_twice(
    rehearsal: Rehearsal, where: Choices, domain: str
) -> None:
    """Another tariff has shown our names, and our marks: that proves nothing of this one."""
    here = await rehearsal.story(where)
    await here.bought_once(await here.order())
    here.panel.disguise = "always"
    order = await here.order(domain=domain or None, parameters={"recipe": Fault.BAD_GATEWAY_AFTER.value})
    await here.left_to_a_person(order, charges=1)
    [item] = here.panel.by_mark((await here.service(order)).mark)
    assert str(item.number) in (await here.shop.operation(order.operation)).waits_for
    if "remoteid" in where.list_shows:  # and once it shows our mark it is adopted; nobody has to press anything
        item.disguise = ""

        async def completed() -> bool:
            return (await here.shop.operation(order.operation)).stage is Stage.COMPLETED

        await eventually(completed, "it is adopted")
        assert (await here.service(order)).upstream_number == str(item.number)
        await here.untouched(order)


@pytest.mark.proof
@pytest.mark.parametrize("where", [IN_FORMS, Choices(quotes="none")], ids=["in-forms", "shown"])
@story
async def test_an_item_that_shows_whose_it_is_only_when_it_is_open_is_waited_for(
    rehearsal: Rehearsal, where: Choices
) -> None:
    """Its opening takes longer than the window; by then its form was read, too."""
    here = await rehearsal.story(replace(where, opening_delay=7.0))
    await here.bought_once(await here.order())
    here.panel.disguise = "until-open"
    await here.bought_once(
        await here.order(domain="shop.example.com", parameters={"recipe": Fault.BAD_GATEWAY_AFTER.value})
    )


def _items(evidence: dict[str, object]) -> list[dict[str, Any]]:
    found = evidence["new_items"]
    assert isinstance(found, list)
    return found


@pytest.mark.proof
@story
async def test_an_unpaid_row_that_is_listed_late_and_paid_by_the_panel_itself(rehearsal: Rehearsal) -> None:
    """The row is not in the list yet when there is money again; by then the panel has taken that for the row."""
    choices = Choices(
        unpaid_row=True, pays_rows_itself=True, may_delete=False, quotes="none", price=Decimal("8.00"), list_lag=4.0
    )
    here = await rehearsal.story(choices, balance="6.00", cost="5.00")
    order = await here.order()
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.bought_once(order)


@pytest.mark.parametrize(
    "pays", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["paid-by-a-top-up", "left-unpaid"]
)
@pytest.mark.parametrize("lag", [0.0, pytest.param(1.5, marks=pytest.mark.proof)], ids=["at-once", "late"])
@story
async def test_an_unpaid_row_whose_mark_is_in_its_form_only(rehearsal: Rehearsal, pays: bool, lag: float) -> None:
    """It bears the name that the customer chose: only its form tells that it is ours, to be removed or adopted."""
    here = await rehearsal.story(replace(POOR, pays_rows_itself=pays, list_lag=lag), balance="6.00", cost="5.00")
    order = await here.order(domain="shop.example.com")
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.bought_once(order)
    assert not [item for item in here.panel.items.values() if item.status == 1]


@story
async def test_an_unpaid_row_that_shows_our_mark_nowhere_is_not_removed_and_nothing_is_sent(
    rehearsal: Rehearsal,
) -> None:
    here = await rehearsal.story(replace(NOWHERE, unpaid_row=True, price=Decimal("8.00")), balance="6.00", cost="5.00")
    order = await here.order(domain="shop.example.com")
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.left_to_a_person(order, charges=0)
    [left] = here.panel.items.values()
    assert left.status == 1
    assert f"item {left.number}, ordered and unpaid" in (await here.shop.operation(order.operation)).waits_for


@pytest.mark.proof
@story
async def test_an_unpaid_row_that_shows_our_mark_nowhere_and_is_paid_by_a_top_up(rehearsal: Rehearsal) -> None:
    choices = replace(NOWHERE, unpaid_row=True, pays_rows_itself=True, price=Decimal("8.00"))
    here = await rehearsal.story(choices, balance="6.00", cost="5.00")
    order = await here.order(domain="shop.example.com")
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.bought_once(order)


@pytest.mark.proof
@story
async def test_a_refusal_for_want_of_money_whose_answer_is_lost_goes_back_into_the_line(rehearsal: Rehearsal) -> None:
    here = await rehearsal.story(POOR, balance="6.00", cost="5.00")
    order = await here.order(domain="shop.example.com", parameters={"recipe": Fault.POOR_AND_CUT.value})
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    assert not here.panel.charges
    here.panel.top_up("100.00")
    await here.bought_once(order)


@pytest.mark.proof
@story
async def test_exists_because_of_our_own_unpaid_row_is_finished_by_machine(rehearsal: Rehearsal) -> None:
    """The row comes into the list only after our second request has met it."""
    choices = replace(POOR, unique_remoteid=True, hides_until_met=True)
    here = await rehearsal.story(choices, balance="6.00", cost="5.00")
    order = await here.order(domain="shop.example.com")
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.bought_once(order)
    assert not [item for item in here.panel.items.values() if item.status == 1]


@pytest.mark.proof
@pytest.mark.parametrize("meanwhile", ["500.00", ""])
@story
async def test_a_row_that_a_top_up_pays_between_our_look_and_its_removal_goes_to_a_person(
    rehearsal: Rehearsal, meanwhile: str
) -> None:
    """The balance grows by more than the row costs. Nothing is bought again; all continue without a top-up."""
    here = await rehearsal.story(replace(POOR, pays_rows_itself=True), balance="6.00", cost="5.00")
    here.panel.before_delete = lambda: here.panel.top_up(meanwhile or "0.00")
    order = await here.order(domain="shop.example.com")
    if meanwhile:
        await here.left_to_a_person(order, charges=1)
        [told] = await incidents(here, IncidentKind.PAID_LEFTOVER)
        assert "may have been paid for just before: the balance went from 6.00 to 498.00 meanwhile" in told
        return
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")
    await here.bought_once(order)
    assert "was removed" in " ".join(await _told(here, order))


async def _told(here: Story, order: AcceptedOrder) -> list[str]:
    async with here.shop.database.read() as session:
        found = await session.exec(select(StageEntry.reason).where(StageEntry.operation_id == order.operation))
        return list(found.all())


@pytest.mark.proof
@story
async def test_an_order_is_sent_again_where_a_person_vouched_though_lists_show_nothing(rehearsal: Rehearsal) -> None:
    here = await rehearsal.story(PROFILES["blind"])
    await here.bought_once(await here.order())
    order = await here.order(parameters={"recipe": Fault.CUT_BEFORE.value})
    await here.left_to_a_person(order, charges=0)
    decision = Decision(actor="olga", reason="nothing is there", nothing_was_bought=True)
    await here.shop.resellflow.decide(order.operation, DecisionKind.RETRY, decision)
    await here.until(order, Stage.COMPLETED)
    assert len(here.panel.paid_for((await here.service(order)).mark)) == 1


FURTHER_LIES = (Fault.ACCESS_AFTER, Fault.POOR_AFTER, Fault.ODD_AFTER)
LIES = [Fault.VALUE_AFTER, *(pytest.param(lie, marks=pytest.mark.proof) for lie in FURTHER_LIES)]


@pytest.mark.parametrize(
    "where",
    [
        Choices(quotes="none"),
        pytest.param(IN_FORMS, marks=pytest.mark.proof),
        pytest.param(NOWHERE, marks=pytest.mark.proof),
    ],
    ids=["shown", "in-forms", "nowhere"],
)
@pytest.mark.parametrize("lie", LIES)
@story
async def test_a_no_of_an_upstream_that_charged_all_the_same_is_not_believed(
    rehearsal: Rehearsal, lie: Fault, where: Choices
) -> None:
    here = await rehearsal.story(where)
    await here.bought_once(await here.order())
    await here.bought_once(await here.order(domain="shop.example.com", parameters={"recipe": lie.value}))


@pytest.mark.proof
@pytest.mark.parametrize("where", [Choices(quotes="none"), IN_FORMS], ids=["shown", "in-forms"])
@story
async def test_an_order_that_was_refused_and_made_names_its_item_when_that_comes_into_the_list(
    rehearsal: Rehearsal, where: Choices
) -> None:
    here = await rehearsal.story(where)
    await here.bought_once(await here.order())
    here.panel.choices = replace(where, list_lag=10.0)  # longer than the look right after the no takes anywhere
    order = await here.order(domain="shop.example.com", parameters={"recipe": Fault.VALUE_AFTER.value})
    await here.until(order, Stage.NEEDS_ATTENTION)
    number = str(here.panel.by_mark((await here.service(order)).mark)[0].number)

    async def named() -> bool:
        found = await incidents(here, IncidentKind.PAID_LEFTOVER)
        waits_for = (await here.shop.operation(order.operation)).waits_for
        return f"item {number} with our mark" in waits_for and any(number in message for message in found)

    await eventually(named, "the operation names its item")
    decision = Decision(actor="olga", reason="it is there")
    await here.shop.resellflow.decide(order.operation, DecisionKind.RETRY, decision)
    await here.until(order, Stage.COMPLETED)
    assert len(here.panel.paid_for((await here.service(order)).mark)) == 1


@pytest.mark.parametrize(
    "where",
    [Choices(), pytest.param(IN_FORMS, marks=pytest.mark.proof), pytest.param(NOWHERE, marks=pytest.mark.proof)],
    ids=["shown", "in-forms", "nowhere"],
)
@story
async def test_a_second_item_for_one_service_is_reported(rehearsal: Rehearsal, where: Choices) -> None:
    here = await rehearsal.story(where)
    order = await here.order()
    service = await here.bought_once(order)
    second = here.panel.add(service.name, remoteid=service.mark)

    async def reported() -> bool:
        found = await incidents(here, IncidentKind.SECOND_ITEM)
        return any(f"item {second.number} shows" in message for message in found)

    await eventually(reported, "the second item is an incident")
