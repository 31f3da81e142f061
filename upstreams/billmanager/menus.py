"""Lists of sub-types: some panels keep their virtual servers in `vds.vps`, and the list `vds` itself is empty.

The menu names them (`mainmenu` → `node` with `action`; REMNA, GCOREAD, seen in code). Without them an empty list would
look complete, and an order would be taken for not done.
"""

import re

from upstreams.billmanager.wire import Document

_STEPS = frozenset(
    {"order", "edit", "filter", "delete", "suspend", "resume", "open", "start", "stop", "history", "param"}
)
"""What comes behind a type's name and is no list of it."""


def sub_lists(menu: Document, product_type: str) -> tuple[str, ...]:
    """The functions of the menu that list a sub-type of this product type, in the menu's order."""
    name = re.compile(rf"{re.escape(product_type)}\.(?P<sub>[\w-]+)")
    found = (name.fullmatch(action) for action in menu.menu_actions)
    return tuple(dict.fromkeys(match[0] for match in found if match is not None and match["sub"] not in _STEPS))
