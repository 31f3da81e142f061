"""Calls that change the life of a service: delete, prolong, suspend, resume, another tariff."""

from __future__ import annotations

from datetime import timedelta

from simulator.call import Call, typed_function
from simulator.document import Document, Node, done, form
from simulator.entities import Operation, Status
from simulator.errors import PanelError, Param, missed
from simulator.functions.lists import tparams
from simulator.lifecycle import begin

MINIMUM_TERM_DAYS = 30


@typed_function("delete")
def delete(call: Call) -> Document:
    """Close a service; nothing is paid back."""
    item = call.item()
    if item.status is Status.DELETED:
        raise missed(call.itemtype.value, call.text("elid"))
    if not call.sent:
        return form([*tparams(call), Node("elid", str(item.id))])
    match call.world.settings.delete:
        case "confirmation":
            raise PanelError("confirm", "phone")
        case "minimum_term":
            earliest = item.createdate.date() + timedelta(days=MINIMUM_TERM_DAYS)
            if call.world.clock.today() < earliest:
                raise PanelError("minimum_term", None, Param("value", earliest.isoformat()))
        case "allowed":
            pass
    call.world.record(item, call.func, call.client.name)
    begin(call.world, item, Operation.CLOSE)
    return done(target=call.itemtype.value)
