"""Which changes of plan need a person depends on the kind of upstream, and on the setting where that applies."""

from typing import Any

import pytest

from models.catalogue import UpstreamAccount
from models.database import Database
from models.order import Operation
from orders.lifecycle import requests
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.change_plan import PlanChange
from orders.operations.requests import Rules
from settings import Settings

DISK = {"vds": ["disk_gb"]}


@pytest.mark.parametrize(
    ("kind", "setting", "by_hand"),
    [
        ("billmanager", {}, True),
        ("billmanager", {"manual_plan_changes": DISK}, True),
        ("billmanager", {"manual_plan_changes": {}}, False),
        ("billmanager", {"manual_plan_changes": {"vds": ["ram_gb"]}}, False),
        ("resellflow", {}, False),
        ("resellflow", {"manual_plan_changes": DISK}, False),
    ],
)
async def test_a_change_of_the_disk(shelf: Database, kind: str, setting: dict[str, Any], by_hand: bool) -> None:
    async with shelf.write() as session:
        (await session.get_one(UpstreamAccount, 1)).kind = kind
    opened = await accept_order(
        shelf,
        ServiceRequest(plan="VDS-1", period_months=1, customer="c-1"),
        client="t",
        key="k",
        hostname_suffix="s.internal",
    )
    rules = Rules(Settings(**setting).manual_plan_changes)
    order = await requests.ask(shelf, opened.service, PlanChange(plan="VDS-2"), client="t", key="c", rules=rules)
    async with shelf.read() as session:
        parameters = (await session.get_one(Operation, order.operation)).parameters
    said = "the upstream has no automatic change of this: disk_gb 30 → 60"
    assert parameters.get("by_hand") == (said if by_hand else None)
