"""What counts as proof that nothing was bought."""

from decimal import Decimal

from models.enums import Stage
from tests.standin.panel import Choices, Fault
from tests.standin.profiles import PROFILES
from tests.standin.rehearsal import Rehearsal
from tests.standin.stories import story


@story
async def test_at_an_upstream_known_to_show_nothing_absence_proves_nothing(rehearsal: Rehearsal) -> None:
    """A clean order has shown that neither marks nor names come back: a lost one is left to a person."""
    here = await rehearsal.story(PROFILES["blind"])
    await here.bought_once(await here.order())
    order = await here.order(parameters={"recipe": Fault.CUT_BEFORE.value})
    await here.left_to_a_person(order, charges=0)


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
