"""A destructive queue of events per account. The function is an invention.

A real panel has such a queue for reselling panels, but its function, its fields and its manner of acknowledgement are
not public. This one has the properties that are: it is polled, reading empties it, there is one per account, so a
second reader takes what was meant for the first. Its name begins with ``sim.`` so that nobody takes it for the real
one.
"""

from __future__ import annotations

import random
from datetime import timedelta

from simulator.call import Call, function
from simulator.document import Document, Node, fields
from simulator.entities import Account, Event
from simulator.errors import missed
from simulator.functions.lists import list_document
from simulator.world import World


def take(world: World, account: Account) -> list[Event]:
    """Everything that waits in the account's queue, which is empty afterwards."""
    latest = world.clock.now() - timedelta(seconds=world.settings.event_delay)
    taken = [event for event in world.events.values() if event.account == account.id and event.time <= latest]
    for event in taken:
        world.remove(event)
    return taken


@function("sim.events.take")
def take_events(call: Call) -> Document:
    """What has happened to the account's services since somebody last asked."""
    account = call.client
    if call.world.settings.event_queue == "off":
        raise missed("func", call.func)
    events = take(call.world, account)
    match call.world.settings.event_fault:
        case "none":
            pass
        case "lose":
            events = []
        case "twice":
            events = events * 2
        case "shuffled":
            random.shuffle(events)
    return list_document(call, [_row(event) for event in events], total=len(events), paged=True)


def _row(event: Event) -> Node:
    values = [
        ("id", str(event.id)),
        ("item", str(event.item)),
        ("action", event.action),
        ("time", event.time.strftime("%Y-%m-%d %H:%M:%S")),
    ]
    return Node("elem", children=fields(values))
