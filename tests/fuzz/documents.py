"""Documents as no upstream writes them, drawn by a seed: hypothesis takes ten times as long for as many elements."""

from collections.abc import Sequence
from random import Random
from xml.etree.ElementTree import Element, tostring

NAMES = (
    "doc", "elem", "ok", "error", "msg", "detail", "param", "slist", "list", "val", "metadata", "tparams", "messages",
    "filter", "p_filter", "p_num", "p_cnt", "p_elems", "notify", "item", "mainmenu", "node", "redirect", "pricelist",
    "price", "prices", "period", "id", "remoteid", "name", "domain", "status", "item_status", "cost", "item_cost",
    "cost_iso", "currency_str", "expiredate", "real_expiredate", "createdate", "autoprolong", "ip", "password",
    "itemtype", "total", "amount", "special_status", "x" * 300, "имя",
)  # fmt: skip
ATTRIBUTES = ("name", "type", "object", "orig", "key", "func", "v", "value", "id", "action", "length", "cost")


def document(draw: Random, texts: Sequence[str]) -> bytes:
    """What the adapter looks for, in any order, inside each other."""

    def element(name: str, depth: int) -> Element:
        made = Element(name, {draw.choice(ATTRIBUTES): draw.choice(texts) for _ in range(draw.choice((0, 0, 1, 3)))})
        made.text = draw.choice(texts)
        made.extend(element(draw.choice(NAMES), depth - 1) for _ in range(draw.randint(0, 2 + depth) if depth else 0))
        return made

    whole: bytes = tostring(element("doc", draw.randint(1, 5)), "utf-8")
    return whole
