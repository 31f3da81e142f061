"""The upstream is away, keeps us out, has no money for us, or cannot be listed: orders wait and continue."""

import asyncio
from decimal import Decimal

import pytest

from models.enums import Stage
from tests.standin.choices import Choices, Fault
from tests.standin.profiles import PROFILES
from tests.standin.rehearsal import Rehearsal, eventually
from tests.standin.stories import story, troubling_story

PREPAID = Choices(order_answer="ok", money="word", list_shows=frozenset({"name"}), quotes="none")
POSTPAID = Choices(prepaid=False, quotes="none")


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["strict"])
@troubling_story
async def test_a_closed_door_is_waited_for(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    await here.panel.close_door()
    orders = [await here.order() for _ in range(2)]
    for order in orders:
        await here.until(order, Stage.RETRYING)
    await here.panel.open_door()
    for order in orders:
        await here.bought_once(order)


@pytest.mark.proof
@pytest.mark.parametrize(("profile", "how"), [("noisy", "502"), ("markless", "cut")])
@troubling_story
async def test_lists_that_fail_for_a_while(rehearsal: Rehearsal, profile: str, how: str) -> None:
    here = await rehearsal.at(profile)
    here.panel.broken |= {"vds": how}
    clean = await here.order()
    lost = await here.order(parameters={"recipe": Fault.CUT_AFTER.value})
    await here.until(lost, Stage.OUTCOME_UNKNOWN)
    here.panel.broken |= {"vds.edit": how}
    failed = here.panel.calls.get("vds", 0)

    async def asked_again() -> bool:
        return here.panel.calls.get("vds", 0) >= failed + 3

    await eventually(asked_again, "it is asked again and again")
    assert (await here.shop.operation(lost.operation)).stage is Stage.OUTCOME_UNKNOWN
    here.panel.broken.clear()
    await here.bought_once(clean)
    await here.bought_once(lost)


@pytest.mark.proof
@pytest.mark.parametrize("choices", [PREPAID, POSTPAID], ids=["prepaid", "postpaid"])
@story
async def test_a_dry_balance_is_waited_for_in_order_and_never_overdrawn(rehearsal: Rehearsal, choices: Choices) -> None:
    here = await rehearsal.story(choices, balance="15.00")
    orders = await asyncio.gather(*(here.order() for _ in range(8)))
    orders = sorted(orders, key=lambda order: order.operation)

    async def three_went() -> bool:
        return len(here.panel.charges) == 3

    await eventually(three_went, "three orders are paid")
    paid = {charge.remoteid for charge in here.panel.charges}
    waiting = [order for order in orders if (await here.service(order)).mark not in paid]
    for order in waiting:
        await here.until(order, Stage.WAITING_FOR_FUNDS)
    assert len(here.panel.charges) == 3
    here.panel.top_up("11.00")

    async def five_went() -> bool:
        return len(here.panel.charges) == 5

    await eventually(five_went, "two more are paid")
    marks = {(await here.service(order)).mark for order in waiting[:2]}
    assert {charge.remoteid for charge in here.panel.charges[3:]} == marks
    for order in waiting[2:]:
        assert (await here.shop.operation(order.operation)).stage is Stage.WAITING_FOR_FUNDS
    here.panel.top_up("14.00")
    for order in orders:
        await here.bought_once(order)
    assert here.panel.lowest >= 0


@pytest.mark.proof
@story
async def test_a_refusal_for_want_of_money_that_leaves_a_row(rehearsal: Rehearsal) -> None:
    """The panel's price is higher than ours; its unpaid row goes, and the order is sent again when there is money."""
    here = await rehearsal.story(PROFILES["strict"], balance="4.50", cost="4.00")
    order = await here.order()
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    assert not here.panel.charges
    here.panel.top_up("3.00")
    await here.bought_once(order)


@pytest.mark.proof
@story
async def test_the_panel_pays_the_unpaid_row_itself_before_we_could_remove_it(rehearsal: Rehearsal) -> None:
    """The price is above the catalogue's, the row can't be deleted by us; the top-up pays it, to the last cent."""
    choices = Choices(unpaid_row=True, pays_rows_itself=True, may_delete=False, quotes="none", price=Decimal("8.00"))
    here = await rehearsal.story(choices, balance="6.00", cost="5.00")
    order = await here.order()
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("2.00")
    await here.bought_once(order)


@pytest.mark.proof
@story
async def test_the_panel_pays_the_unpaid_row_itself_and_there_is_money_left(rehearsal: Rehearsal) -> None:
    choices = Choices(unpaid_row=True, pays_rows_itself=True, may_delete=False, quotes="none", price=Decimal("8.00"))
    here = await rehearsal.story(choices, balance="6.00", cost="5.00")
    order = await here.order()
    await here.until(order, Stage.WAITING_FOR_FUNDS)
    here.panel.top_up("100.00")

    async def completed() -> bool:
        return (await here.shop.operation(order.operation)).stage is Stage.COMPLETED

    # Who is first, the panel that pays or we who find the row, decides whether a person is asked in between.
    await eventually(completed, "the row that the panel has paid is adopted")
    assert len(here.panel.paid_for((await here.service(order)).mark)) == 1
