"""Small things that are done to an active service: start, stop, restart, a new password."""

from __future__ import annotations

from simulator.call import Call, function, typed_function
from simulator.document import Document, Node, Shape, done, form
from simulator.entities import Item, Status
from simulator.errors import bad_value
from simulator.functions.lists import tparams
from simulator.functions.states import living


def _active(call: Call) -> list[Item]:
    items = call.items(of_type=not call.func.startswith("service."))
    return [living(item, Status.ACTIVE) for item in items]


@function("service.reboot", "service.hardreboot")
@typed_function("reboot", "hardreboot")
def reboot(call: Call) -> Document:
    """Restart active services."""
    return _switch(call, stopped=False)


@function("service.start")
@typed_function("start")
def start(call: Call) -> Document:
    """Switch active services on."""
    return _switch(call, stopped=False)


@function("service.stop")
@typed_function("stop")
def stop(call: Call) -> Document:
    """Switch active services off; they stay active and are paid for."""
    return _switch(call, stopped=True)


def _switch(call: Call, *, stopped: bool) -> Document:
    for item in _active(call):
        item.stopped = stopped
        call.world.record(item, call.func, call.client.name)
        call.world.touch(item)
    return done()


@function("service.changepassword")
def change_password(call: Call) -> Document:
    """Set a service's password; the result is reported in a banner."""
    item = living(call.item(of_type=False), Status.ACTIVE)
    if not call.sent:
        return form([*tparams(call), Node("elid", str(item.id)), Node("passwd"), Node("confirm")])
    if not call.params.get("passwd") or call.params["passwd"] != call.params.get("confirm"):
        raise bad_value("confirm", "")
    item.password = call.params["passwd"]
    call.world.record(item, call.func, call.client.name)
    call.world.touch(item)
    return Document(Shape.RESULT, [Node("banner", "The password was changed"), Node("ok")])
