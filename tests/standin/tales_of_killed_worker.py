"""The worker is killed while its requests are under way, at all kinds of upstream at once."""

from pathlib import Path

import pytest

from models.migrate import migrate
from tests.infrastructure.eventually import assert_eventually
from tests.standin.choices import Fault
from tests.standin.profiles import PROFILES
from tests.standin.rehearsal import Rehearsal, open_rehearsal
from tests.standin.stories import story

PROVABLE = ("noisy", "old")
HELD = (Fault.HELD_BEFORE, Fault.HELD_AFTER)


@pytest.mark.proof
@story
async def test_a_killed_worker_charges_nobody_twice(rehearsal: Rehearsal) -> None:
    home = Path(rehearsal.home) / "killed"
    home.mkdir()
    file = home / "shop.db"
    # An empty schema: the rehearsal's own database is in use.
    migrate(f"sqlite:///{file}")
    async with open_rehearsal(
        f"sqlite:///{file}", rehearsal.shop.temporal, home, worker=False, order_timeout=12.0, settle_window=2.0
    ) as killed:
        worker = killed.shop.start_worker()
        stories = {name: await killed.story(PROFILES[name]) for name in [*PROVABLE, "blind"]}
        orders = {
            (name, fault): await here.order(parameters={"recipe": fault.value})
            for name, here in stories.items()
            for fault in HELD
            if (name, fault) != ("blind", Fault.HELD_BEFORE)
        }
        await assert_eventually(
            lambda: sum(len(here.panel.caught) for here in stories.values()) == len(orders),
            timeout=60,
            message="all requests have reached their panels",
        )
        worker.kill()
        for here in stories.values():
            here.panel.let_go.set()
        killed.shop.start_worker()
        for (name, _), order in orders.items():
            here = stories[name]
            if name == "blind":
                await here.left_to_a_person(order, charges=1)
            else:
                await here.bought_once(order)
        assert all(len(stories[name].panel.charges) == 2 for name in PROVABLE)
