"""Every way to lose the answer to an order, at every kind of upstream, all at once: one charge, one service."""

import pytest

from models.enums import Stage
from tests.standin.choices import Fault
from tests.standin.rehearsal import Rehearsal, Story
from tests.standin.stories import at_panels, story, troubling_story

FAULTS = [
    Fault.CUT_BEFORE,
    Fault.CUT_AFTER,
    Fault.CUT_INSIDE,
    Fault.BAD_GATEWAY_BEFORE,
    Fault.BAD_GATEWAY_AFTER,
    Fault.PAGE_AFTER,
    Fault.EMPTY_AFTER,
    Fault.STALL_BEFORE,
    Fault.STALL_AFTER,
    Fault.LATE_ANSWER,
    Fault.LOGIN_REFUSED,
]
NEVER_ARRIVED = (Fault.CUT_BEFORE, Fault.BAD_GATEWAY_BEFORE, Fault.STALL_BEFORE)


@pytest.mark.parametrize("profile", ["strict"])
@story
async def test_an_answer_lost_in_any_way_is_one_service(rehearsal: Rehearsal, profile: str) -> None:
    await _all_lost(await rehearsal.at(profile), FAULTS)


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["markless"])
@story
async def test_an_answer_lost_where_less_can_be_proven(rehearsal: Rehearsal, profile: str) -> None:
    await _all_lost(await rehearsal.at(profile), [fault for fault in FAULTS if fault not in NEVER_ARRIVED])


async def _all_lost(here: Story, faults: list[Fault]) -> None:
    orders = {fault: await here.order(parameters={"recipe": fault.value}) for fault in faults}
    wrong = []
    for fault, order in orders.items():
        try:
            await here.bought_once(order)
        except AssertionError as failure:
            wrong.append(f"--- {fault}: {failure}\n" + "\n".join(getattr(failure, "__notes__", [])))
    assert not wrong, "\n".join(wrong)


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["noisy"])
@story
async def test_the_same_with_a_name_that_the_customer_chose(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    orders = {
        fault: await here.order(domain=f"{fault.value}.example.com", parameters={"recipe": fault.value})
        for fault in (Fault.CUT_BEFORE, Fault.CUT_AFTER)
    }
    for order in orders.values():
        await here.bought_once(order)


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, pytest.param(Fault.PAGE_AFTER, marks=pytest.mark.proof)])
@story
@at_panels("blind")
async def test_where_nothing_can_be_proven_a_person_is_asked_and_nothing_sent(
    rehearsal: Rehearsal, fault: Fault
) -> None:
    here = await rehearsal.at("blind")
    await here.bought_once(await here.order())
    order = await here.order(parameters={"recipe": fault.value})
    await here.left_to_a_person(order, charges=1)
    assert (await here.service(order)).upstream_number is None
    # And others go on beside it.
    await here.bought_once(await here.order())


@pytest.mark.proof
@troubling_story
@at_panels("licences")
async def test_a_licence_whose_answer_is_lost(rehearsal: Rehearsal) -> None:
    here = await rehearsal.at("licences")
    await here.bought_once(await here.order(licence=True))
    here.panel.broken["soft.order.param sok"] = "cut"
    order = await here.order(licence=True)
    await here.until(order, Stage.OUTCOME_UNKNOWN)
    del here.panel.broken["soft.order.param sok"]
    await here.bought_once(order)
