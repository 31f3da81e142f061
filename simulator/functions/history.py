"""What a service has been through, and its addresses."""

from __future__ import annotations

from simulator.call import Call, function
from simulator.document import Document, Node, fields
from simulator.functions.lists import list_document
from simulator.itemtypes import Trait


@function("service.history")
def service_history(call: Call) -> Document:
    """What was done to a service, by whom, newest first."""
    item = call.item(of_type=False)
    rows = [
        Node(
            "elem",
            children=fields(
                [
                    ("id", str(number)),
                    ("changedate", entry.time.strftime("%Y-%m-%d %H:%M:%S")),
                    ("request_action", entry.action),
                    ("user", entry.user),
                ]
            ),
        )
        for number, entry in enumerate(item.history, start=1)
    ]
    return list_document(call, rows[::-1])


@function("service.ip")
def service_ip(call: Call) -> Document:
    """A service's addresses."""
    item = call.item(of_type=False)
    if not item.ip:
        return list_document(call, [])
    gateway = ".".join([*item.ip.split(".")[:3], "254"]) if "." in item.ip else ""
    own = Trait.OWN_NETWORK in item.type.traits
    values = [
        ("id", str(item.id * 10 + 1)),
        ("name", item.ip),
        ("is_main", "on"),
        ("no_delete", "on"),
        ("type", "public" if own else "shared"),
        ("gateway", gateway if own else ""),
        ("mask", "255.255.255.0" if own else ""),
        ("domain", item.domain),
    ]
    return list_document(call, [Node("elem", children=fields(values))])
