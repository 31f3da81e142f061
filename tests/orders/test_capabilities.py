"""What a kind of upstream can't do is refused at the request."""

from dataclasses import replace

import pytest
from sqlmodel import col, select

from models.database import Database
from models.enums import OperationKind
from models.order import Operation
from orders.errors import InvalidField
from orders.lifecycle import requests
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations import set_parameters
from orders.operations.set_parameters import ServiceChange
from upstreams.billmanager import ADAPTER


@pytest.mark.parametrize("able", [True, False])
async def test_a_new_licence_key_where_the_upstream_has_no_keys(
    shelf: Database, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    """No adapter of ours lacks them, so one that lacks them is put in the place of the account's."""
    capabilities = ADAPTER.capabilities.model_copy(update={"licence_keys": able})
    monkeypatch.setattr(set_parameters, "adapter_of", {"billmanager": replace(ADAPTER, capabilities=capabilities)}.get)
    licence = ServiceRequest(plan="LIC-1", period_months=1, customer="c-1", parameters={"ip": "192.0.2.7"})
    opened = await accept_order(shelf, licence, client="t", key="k", hostname_suffix="s.internal")
    asked = requests.ask(shelf, opened.service, ServiceChange(licence_key="new"), client="t", key="n")
    if able:
        await asked
    else:
        with pytest.raises(InvalidField, match="main can't do this: licence keys can't be read") as refused:
            await asked
        assert refused.value.field == "licence_key"
    async with shelf.read() as session:
        kinds = list((await session.exec(select(Operation.kind).order_by(col(Operation.id)))).all())
    assert kinds == [OperationKind.OPEN] + [OperationKind.SET_PARAMETERS] * able
