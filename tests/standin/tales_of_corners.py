"""Rare meetings of a fault and a habit of the upstream, each of which has cost an order once."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.enums import Stage
from models.migrate import migrate
from tests.standin.choices import Fault
from tests.standin.profiles import MARKLESS, PROFILES, STRICT
from tests.standin.rehearsal import Rehearsal, Story, eventually, open_rehearsal
from tests.standin.stories import story


@pytest.mark.proof
@story
async def test_deleted_rows_keep_their_mark_and_marks_are_unique_for_ever(rehearsal: Rehearsal) -> None:
    """The unpaid row was deleted by us and stays as a deleted row with our mark."""
    choices = replace(STRICT, marks_for_ever=True, deleted_rows_stay=True)
    here = await rehearsal.story(choices, balance="4.50", cost="4.00")
    order = await here.order()
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("3.00")
    await here.bought_once(order)


@pytest.mark.proof
@story
async def test_two_orders_of_one_domain_answered_without_a_number_are_not_swapped(rehearsal: Rehearsal) -> None:
    here = await rehearsal.story(PROFILES["noisy"])
    await here.bought_once(await here.order())
    pairs = []
    for number in range(4):
        domain = f"same-{number}.example.com"
        late = await here.order(domain=domain, parameters={"recipe": "shown-late"})
        soon = await here.order(domain=domain, parameters={"recipe": "shown-soon"})
        pairs += [late, soon]
    for order in pairs:
        await here.bought_once(order)


@pytest.mark.proof
@story
async def test_a_slow_opening_as_ordered_is_not_an_emergency(rehearsal: Rehearsal) -> None:
    """The order asks for itself while the item is still `ordered`, and goes on waiting."""
    home = Path(rehearsal.home) / "asks"
    home.mkdir()
    url = f"sqlite:///{home / 'shop.db'}"
    migrate(url)
    async with open_rehearsal(url, rehearsal.shop.temporal, home, confirmation_check_after=1.0) as asking:
        here: Story = await asking.story(MARKLESS)
        order = await here.order(parameters={"recipe": Fault.BY_HAND.value})
        await here.until(order, Stage.AWAITING_CONFIRMATION)
        number = int((await here.service(order)).upstream_number or 0)
        reads = here.panel.calls.get("vds.edit", 0)

        async def asked() -> bool:
            return here.panel.calls.get("vds.edit", 0) > reads + 8

        await eventually(asked, "it was asked several times")
        here.panel.open(here.panel.items[number])
        await here.bought_once(order)


@pytest.mark.proof
@story
async def test_a_password_mended_at_once_does_not_leave_the_account_unhealthy(rehearsal: Rehearsal) -> None:
    """The order notices the wrong password, the poller does not take it seriously yet, and then it is right again."""
    here = await rehearsal.story(MARKLESS)
    await here.bought_once(await here.order())
    here.panel.password = "changed-by-somebody"
    order = await here.order()
    await here.until(order, Stage.RETRYING)
    here.password.write_text("changed-by-somebody")
    await here.bought_once(order)
    assert not (await here.account()).unhealthy_reason


@pytest.mark.proof
@story
async def test_an_item_seen_before_it_was_linked_still_proves_that_lists_return_names(rehearsal: Rehearsal) -> None:
    """Our first service stands in the list under its name; so absence of ours from it tells that it was not bought. It
    does not tell whose a stranger is: its tariff may give names of its own, so with one there a person is asked."""
    here = await rehearsal.story(MARKLESS)
    await here.bought_once(await here.order(parameters={"recipe": Fault.LATE_ANSWER.value}))
    await here.bought_once(await here.order(parameters={"recipe": Fault.CUT_BEFORE.value}))
    order = await here.order(parameters={"recipe": Fault.CUT_BEFORE.value})
    await here.until(order, Stage.OUTCOME_UNKNOWN)
    here.panel.add("stranger.example.net")
    await here.left_to_a_person(order, charges=0)


@pytest.mark.proof
@story
async def test_an_order_that_never_arrived_among_others_whose_answers_were_lost(rehearsal: Rehearsal) -> None:
    """Items there carry the names of our other orders; they are no riddle for this one."""
    here = await rehearsal.story(MARKLESS)
    after = [Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.STALL_AFTER, Fault.PAGE_AFTER]
    orders = [await here.order(parameters={"recipe": fault.value}) for fault in (Fault.CUT_BEFORE, *after, *after)]
    for order in orders:
        await here.bought_once(order)


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["old"])
@story
async def test_a_password_changed_and_mended(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.story(PROFILES[profile])
    here.panel.password = "changed-by-somebody"
    here.panel._sessions.clear()
    order = await here.order()
    await here.until(order, Stage.RETRYING)

    async def said() -> bool:
        return bool((await here.account()).unhealthy_reason)

    await eventually(said, "the account is said to be unhealthy")
    assert not here.panel.orders_of((await here.service(order)).mark)
    assert here.panel.refusals <= 4, "one probe asks, and not everybody who waits"
    assert not here.panel.orders_of((await here.service(order)).mark)
    here.password.write_text("changed-by-somebody")
    await here.bought_once(order)
    assert not (await here.account()).unhealthy_reason
